"""The functions of a block's classes: whose they are, and what they are wrapped in."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import (
    ABSENT,
    cell_content,
    is_a,
)
from blockfreeze.identity.versioned_attribute import VersionedAttribute, outward_value, versioned_in
from blockfreeze.linking.analysis import have_one_origin
from blockfreeze.model.block import Block, Generation


def is_own(block: Block, value: Any) -> bool:
    """Tell whether `value` is a function made by a generation of `block`, or a closure around one."""
    if not is_a(value, FunctionType):
        return False
    if id(value.__globals__) in block.by_globals:
        return True
    wrapped = value.__dict__.get("__wrapped__")
    if is_a(wrapped, FunctionType) and wrapped is not value and is_own(block, wrapped):
        return True
    for cell in value.__closure__ or ():
        content = cell_content(cell)
        if is_a(content, FunctionType) and id(content.__globals__) in block.by_globals:
            return True
    return False


def method_function(value: Any) -> Any:
    """Return the function behind a static or class method; anything else as it is."""
    return value.__func__ if type(value) in (staticmethod, classmethod) else value


def has_one_origin(one: Any, other: Any) -> bool:
    """Tell whether two values are functions that were made of copies of one code object."""
    if type(one) is not FunctionType or type(other) is not FunctionType:
        return False
    return have_one_origin(one.__code__, other.__code__)


def rewrapped(value: Any, function: FunctionType) -> Any:
    """Return `function` as what `value` is: a static method, a class method, or just a function."""
    if type(value) not in (staticmethod, classmethod):
        return function
    wrapped = type(value)(function)
    wrapped.__dict__.update({k: v for k, v in value.__dict__.items() if k not in wrapped.__dict__})
    return wrapped


def is_patched(block: Block, generation: Generation, cls: type, name: str) -> bool:
    """Tell whether an attribute of a class of `generation` is a patch: set or deleted from outside, for a time.

    Only in a block that is patchable. A function of a block is no patch: it may be what was put back, of an older
    generation.
    """
    own, live = generation.classes.values.get(cls), cls.__dict__.get(name, ABSENT)
    if own is None or not can_be_patched(block, name, live):
        return False
    return block.patches.is_patch(cls, name, live, own.get(name, ABSENT))


def can_be_patched(block: Block, name: str, live: Any) -> bool:
    """Tell whether what a class has under a name can be a patch at all; see `is_patched`."""
    if not block.patchable or name.startswith("__"):
        return False
    return not is_a(live, VersionedAttribute) and not is_own(block, method_function(live))


def live_methods(block: Block, generation: Generation) -> Iterator[tuple[tuple[str, str], type, str, Any]]:
    """Yield the methods of a generation's classes: the class's module and path, the class, the name and the value."""
    by_globals = block.by_globals
    for key, cls in list(generation.classes.named.items()):  # another thread may be importing a module
        if cls not in generation.classes.values:
            continue
        attributes = list(cls.__dict__.items())
        if block.patchable:
            # A patch hides the method, which will be put back.
            own = generation.classes.values[cls]
            away = {name: own[name] for name in own if is_patched(block, generation, cls, name)}
            attributes = list({**dict(attributes), **away}.items())
        for name, live in attributes:
            value = live if type(live) is FunctionType else outward_value(live, generation)
            function = method_function(value)
            if type(function) is FunctionType and (id(function.__globals__) in by_globals or is_own(block, function)):
                entry = block.entry_of(function)
                if entry is None or entry.path == f"{key[1]}.{name}":
                    yield key, cls, name, value


def replace_functions(generation: Generation, copies: dict[int, FunctionType]) -> None:
    """Give the classes of a retired generation other functions.

    Args:
        copies: the other function, by the id of the one that a class has.
    """
    for values in list(generation.classes.values.values()):
        for name, value in values.items():
            copy = copies.get(id(method_function(value)))
            if copy is not None:
                values[name] = rewrapped(value, copy)
    for cls in list(generation.classes.values):
        for _, versioned in versioned_in(cls):
            if generation in versioned.inner:
                value = versioned.inner[generation]
                copy = copies.get(id(method_function(value)))
                if copy is not None:
                    versioned.inner[generation] = rewrapped(value, copy)
