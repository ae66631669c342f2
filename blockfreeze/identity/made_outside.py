"""Objects of classes outside of the block: one stays what it was if the same call would make another like it.

``pool = ThreadPoolExecutor(4)`` says all there is to say of the pool, as long as nothing else that runs when modules
are imported uses it: then no version's body has told it anything. An application, on which decorators of the body
register functions, is made by each version.
"""

from __future__ import annotations

from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any

from blockfreeze.core.safe_access import ABSENT, ATOMS, FROZEN, is_a, is_proxy, own_attribute
from blockfreeze.identity.equality import same
from blockfreeze.model.block import Generation, Member
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.uses import Making, uses_of

_NO_OBJECTS = (
    *(*ATOMS, type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, *FROZEN, property),
    *(staticmethod, classmethod, GeneratorType, CoroutineType, AsyncGeneratorType),
)

_READ_EVERYTHING = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})


def is_foreign(value: Any) -> bool:
    """Tell whether `value` is an object that is told apart by its identity, and no part of a class."""
    kind: Any = type(value)
    if is_a(value, _NO_OBJECTS) or is_proxy(value) or kind.__eq__ is not object.__eq__:
        return False
    return not any(hasattr(kind, name) for name in ("__get__", "__set__", "__set_name__"))


def is_made_outside(
    generation: Generation, before: Member, after: Member, binding: str, existing: Any, value: Any
) -> bool:
    """Tell whether the call that has made `value` would have made `existing`, and no body uses either.

    Args:
        before: the module with the statement, in the generation before.
        after: the same module in `generation`.
        binding: what the statement binds, as `_Remade` has it.
    """
    if not is_foreign(value) or type(value) in generation.classes.values:
        return False
    versions = [(uses_of(member.source), member) for member in (before, after)]
    for uses, member in versions:
        making = None if uses is None else uses.making(binding)
        if making is None or _called(making, member) is not type(value):
            return False
    assert making is not None
    if not _READ_EVERYTHING.isdisjoint(making.reads) or not all(
        _means_the_same(before, after, one) for one in making.reads
    ):
        return False
    name = binding.rpartition(".")[2]
    importing = {
        id(member.source.derived): member.source  # mostly, both versions have the same text
        for one in (generation, generation.before(after.name))
        for member in one.members.values()
        if member.name == after.name or member.linkage.member_imports
    }
    return not any(_is_used(source, name) for source in importing.values())


def _called(making: Making, member: Member) -> Any:
    found = member.namespace.get(making.called[0], ABSENT)
    for name in making.called[1:]:
        found = own_attribute(found, name, ABSENT)
    return found


def _means_the_same(before: Member, after: Member, name: str) -> bool:
    was, now = before.meaning(name), after.meaning(name)
    if was is ABSENT or now is ABSENT:
        return was is now  # a built-in
    shown = after.remade.get(id(now))
    return same(was, now) or (shown is not None and shown[1] is was)


def _is_used(source: ModuleSource, name: str) -> bool:
    uses = uses_of(source)
    return uses is None or uses.is_used_at_import(name)
