"""What a body has replaced outside: a later version finds there what was there before any version replaced it.

Example: ``_old = sys.displayhook`` and ``sys.displayhook = mine`` at the top level of a module. When the body of the
next version reads ``sys.displayhook``, it finds `mine`. If it saved that, `mine` would call itself for ever. So a body
that reads what the block has put there is given the original. Whatever somebody else has put there since is left alone,
unless it leads back to what the block had put there.

This holds for attributes of modules and classes that are not the block's, and for what the top level itself does.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a, own_attribute
from blockfreeze.identity.wrapped_methods import leads_to
from blockfreeze.model.block import Block

_READ_AS_FUNCTIONS = (FunctionType, BuiltinFunctionType, classmethod, staticmethod)

_HOLDERS = (classmethod, staticmethod, MethodType)

_NOT_TO_BE_CALLED = (*ATOMS, dict, list, set, tuple)


def note_replacement(block: Block, target: Any, name: str, value: Any) -> None:
    """Note that a body is about to set an attribute of something outside, and what was there before the first time."""
    if not _is_outside(block, target) or is_a(value, _NOT_TO_BE_CALLED):
        return
    noted = _noted(block, target, name)
    original = _found(target, name) if noted is None else noted[1]
    if original is not ABSENT and original is not value:
        block.replaced_outside[id(target), name] = target, original, value


def original_of(block: Block, target: Any, name: str, value: Any) -> Any:
    """Return what a body is to find where it has read `value`: the original, if the block has put `value` there."""
    noted = _noted(block, target, name)
    if noted is None:
        return value
    _, original, placed = noted
    same = _function_of(value) is _function_of(placed)
    return original if same or leads_to(value, _function_of(placed)) else value


def _noted(block: Block, target: Any, name: str) -> tuple[Any, Any, Any] | None:
    if not block.replaced_outside:
        return None
    places = target.__mro__ if is_a(target, type) else (target,)
    noted = (block.replaced_outside.get((id(place), name)) for place in places)
    return next((one for one in noted if one is not None), None)


def _function_of(value: Any) -> Any:
    return own_attribute(value, "__func__") if is_a(value, _HOLDERS) else value


def _is_outside(block: Block, target: Any) -> bool:
    if is_a(target, ModuleType):
        return all(target is not one for one in tuple(block.facades.values()))
    module = own_attribute(target, "__module__") if is_a(target, type) else None
    return is_a(module, str) and not block.covers(module)


def _found(target: Any, name: str) -> Any:
    """Return what reading an attribute gives, if that runs no code of others; else `ABSENT`."""
    places = [target.__dict__] if is_a(target, ModuleType) else [cls.__dict__ for cls in target.__mro__]
    found: Any = next((place[name] for place in places if name in place), ABSENT)
    if is_a(target, type) and (is_a(found, _READ_AS_FUNCTIONS) or not hasattr(type(found), "__get__")):
        return ABSENT if found is ABSENT else getattr(target, name, ABSENT)
    return found
