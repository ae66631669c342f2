"""What a module of a block says of itself while its body runs: entry points, variables, and how instances change.

In a module that is not frozen each of these does as little as it can, so that the module behaves the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from inspect import CO_OPTIMIZED
from types import FrameType
from typing import Any, TypeVar

from blockfreeze.api import registry
from blockfreeze.identity.adopt import watch_construction
from blockfreeze.model.declared import Converter
from blockfreeze.state.variables import declare
from blockfreeze.versions.outline import FIRST_VERSION, Version

F = TypeVar("F", bound=Callable[..., Any])

T = TypeVar("T")


def entry(function: F) -> F:
    """Declare that a definition is handed to the outside by reference, and return it as it is.

    Every top-level function and method of a block keeps its identity anyway. The declaration is listed by `status`.
    Decorators above it, which hand the function to somebody, are applied once: a swap does not apply them again if
    their result was the function itself, they say the same as before, and their object is the same as before.
    """
    found = registry.covering(getattr(function, "__module__", None) or "")
    if found is not None:
        found.declared_entries.add(getattr(function, "__qualname__", repr(function)))
    return function


def inline(function: F) -> F:
    """Declare that a function of a block's top level is to stand in its callers in the same module; return it as it is.

    A call of it by its name becomes its instructions, with the arguments evaluated as before; what it raises, and where
    in the source, stays the same. Its frame is what is lost: a traceback shows the line, under the caller's name, and
    profilers and tracers see no call. So a function that looks at frames, or is recursive, a generator, guarded by
    ``try`` or ``with``, or takes ``*args``, is called as ever, and `status` says why.

    ``freeze_block(..., inline=True)`` asks for all small functions; this mark counts in any block, and for functions of
    up to ten times that size. In a patchable block nothing is inlined.
    """
    return function


def notinline(function: F) -> F:
    """Declare that a function of a block is never to stand in its callers, and return it as it is."""
    return function


def defvar(
    name: str,
    factory: Callable[[], T],
    *,
    version: Version = FIRST_VERSION,
    migrate: Callable[[Any], T] | Mapping[Version, Callable[[Any], T]] | None = None,
    inverse: Callable[[T], Any] | None = None,
) -> T:
    """Return the variable `name` of the calling module or class body: made by `factory` once, and kept by every swap.

    In a module that is not frozen it just calls the factory. In a block, a variable that the module had under this name
    before it was declared is kept too, as its first version.

    Where the meaning of the value changes, so does the `version`: the new value is what `migrate` makes of the old one.
    The hook must leave the old value as it is, since the generation before goes on with it. It is called while the new
    body runs, so that a hook that fails refuses the version, and once more right before the commit, for the value of
    then. What calls in flight change afterwards is not in it; with ``quiesce=`` there are none.

    Args:
        name: the variable's name in the module, or the attribute's in the class; not that of a definition.
        factory: makes the first value.
        version: what the value means, as a number or text; a literal if functions rebind the name with ``global``.
        migrate: returns the new value, given the old one; or a mapping of such hooks by the version of the old one.
        inverse: returns the old value, given the new one, for a rollback. Without it a rollback is refused, unless it
            is told to leave the state behind.

    Raises:
        IncompatibleBlockError: the value is of another version, and nothing says how to change it: the swap is refused.
    """
    frame = sys._getframe(1)
    found = registry.generation_of(frame.f_globals)
    if found is None:
        return factory()
    _, generation = found
    member = next(one for one in generation.members.values() if one.namespace is frame.f_globals)
    path = name if frame.f_code.co_flags & CO_OPTIMIZED else f"{_class_body(frame)}{name}"
    value: T = declare(generation, member, path, factory, version, migrate, inverse)
    return value


def _class_body(frame: FrameType) -> str:
    """Return the path of the class whose body a frame runs, with a dot behind; nothing if it is a module's."""
    return "" if frame.f_locals is frame.f_globals else f"{frame.f_locals.get('__qualname__', '')}."


def converts(
    cls: type, *, version: Version = FIRST_VERSION, inverse: Callable[..., object] | None = None
) -> Callable[[F], F]:
    """Return a decorator: the function converts instances of `cls` that were made before the class was as it is now.

    It does what ``update-instance-for-redefined-class`` does in Common Lisp, and is called as
    ``function(instance, added, discarded, old)``: the instance, which is of `cls` already and has all that it had; the
    names of the attributes that the methods assign now, did not before, and that it lacks; the names of those that it
    has and that no method assigns any more; and everything that it had, by name, to be read only. It must give the
    instance every attribute of `added` that a new instance has from its constructor, and may delete others.

    It is called once for each instance, of sub-classes too, while nothing runs in the block: with ``quiesce=`` right
    before the commit, otherwise as soon as the block is at rest for a moment after the old generation has drained;
    until then the instance stays on its old methods. If one call raises, no instance is converted.

    In a module that is not frozen the decorator does nothing.

    Args:
        cls: a class of the module.
        version: what instances are now, as a number or text: those of another version are converted. Without a version
            those are converted whose class has become another one or assigns other attributes.
        inverse: a function that is called likewise when a rollback returns to the version before.
    """

    def declare_converter(function: F) -> F:
        found = registry.generation_of(sys._getframe(1).f_globals)
        if found is not None:
            block, generation = found
            generation.classes.converters[cls] = Converter(version, function, inverse)
            if cls in block.current.classes.values and generation is not block.current:
                watch_construction(block, cls)
        return function

    return declare_converter
