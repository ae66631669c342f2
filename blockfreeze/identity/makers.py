"""What the makers of a class (decorators, its metaclass, an ``__init_subclass__``) have made of its methods.

The rule: a class that is carried over has, but for its identity, the attributes that its makers would give it now. They
are not called. So it can be carried over in two cases only:

- they have left its methods as the body defines them, and have generated none; or
- what they have put in the place of methods (a wrapper, a table) holds the methods, and nothing that can be told of a
  method before it is called has changed. The wrappers stay, and what they hold are entries.

Otherwise the statement makes the class, and its makers are called.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from blockfreeze.core.safe_access import FROZEN, is_a
from blockfreeze.dispatch.forwarders import copy_function
from blockfreeze.dispatch.frames import is_forwarder
from blockfreeze.dispatch.resolution import LegacyChoice
from blockfreeze.identity.class_attributes import METADATA, class_values
from blockfreeze.identity.methods import method_function, rewrapped
from blockfreeze.identity.versioned_attribute import outward_values
from blockfreeze.identity.wrapped_methods import wrapped_functions
from blockfreeze.linking.analysis import nested_codes
from blockfreeze.model.block import Generation
from blockfreeze.model.entry import Entry, wrapped
from blockfreeze.versions.outline import ClassOutline

_TABLES: tuple[Any, ...] = (dict, list, set, *FROZEN)


class MadeMethods:
    """What the class `path` of a module has of its methods in the generation that was built before."""

    def __init__(self, current: Generation, key: tuple[str, str], cls: type, was: ClassOutline) -> None:
        self._current = current
        self._module, self._path = key
        self._was = was
        self._values = outward_values(class_values(cls), current)
        self._working = {name: self._working_value(name, value) for name, value in self._values.items()}
        # Of a world that was imported before it was frozen there is no linked code.
        linked = current.build.linked.get(self._module)
        bodies = [code for code in nested_codes(linked.code) if code.co_name == self._path] if linked else []
        self._codes: set[CodeType] = {code for body in bodies for code in nested_codes(body)}
        self._files = {one.code.co_filename for one in list(current.build.linked.values())}

    def kept(self, now: ClassOutline) -> frozenset[str] | None:
        """Return the attributes that makers have wrapped; None if the class cannot be carried over without them."""
        wrapped = {name for name in self._was.plain & self._values.keys() if not self._is_as_defined(name)}
        extra = self._values.keys() - self._was.names - METADATA
        if any(self._is_generated(name) for name in extra) or not all(map(self._held_in, wrapped)):
            return None
        if (wrapped or any(map(self._speaks_of_methods, extra))) and self._was.headers != now.headers:
            return None
        return frozenset(wrapped)

    def wraps(self, generation: Generation, name: str, value: Any) -> bool:
        """Tell whether the class has more under a name than a decorator in the new body has made: `value`."""
        own = self._working.get(name)
        if type(own) is not type(value) or not is_a(own, (FunctionType, staticmethod, classmethod, property)):
            return False
        codes = [getattr(method_function(one), "__code__", None) for one in (own, value)]
        if codes[0] is not codes[1] and not self._is_as_defined(name):
            return True
        held = wrapped_functions(self._current, self._path, own)
        return held.keys() != wrapped_functions(generation, self._path, value).keys()

    def serve(self, generation: Generation, name: str, value: Any) -> bool:
        """Let what the new body has defined serve the methods that a wrapper on the class holds.

        Returns:
            whether there is one function for each.
        """
        held = self._held_in(name)
        functions = wrapped_functions(generation, self._path, value) or {"": method_function(value)}
        before, after = _in_order(held.values()), _in_order(functions.values())
        if len(before) != len(after):
            return False
        serves = {id(old): new for old, new in zip(before, after, strict=True)}
        entries = generation.block.entries
        for where, function in held.items():
            entry = entries.get((self._module, wrapped(f"{self._path}.{name}", where)))
            if entry is not None:
                generation.locals[entry] = serves[id(function)]
        return True

    def _working_value(self, name: str, value: Any) -> Any:
        """Return what does the work of an attribute, where the function that the class has forwards to it."""
        function = method_function(value)
        if is_a(function, FunctionType) and is_forwarder(function.__code__, self._current.block.reference):
            entry = self._current.block.entries.get((self._module, f"{self._path}.{name}"))
            served = _served(self._current, entry)
            return value if served is None else rewrapped(value, served)
        return value

    def _held_in(self, name: str) -> Mapping[str, FunctionType]:
        return wrapped_functions(self._current, self._path, self._values[name])

    def _speaks_of_methods(self, name: str) -> bool:
        """Tell whether an attribute that makers have added is a wrapper, or a table with methods or their names."""
        value: Any = self._values[name]
        if not isinstance(value, _TABLES) and type(value) is not FunctionType:
            return False
        items = list(value) if isinstance(value, _TABLES) else []
        return bool(self._held_in(name)) or any(is_a(one, str) and one in self._was.methods for one in items)

    def _is_as_defined(self, name: str) -> bool:
        """Tell whether an attribute is what the body defines: a function of its code, or that in a usual descriptor."""
        value = self._working[name]
        function = method_function(value)
        if is_a(function, FunctionType) and self._codes:
            block = self._current.block
            if not is_forwarder(function.__code__, block.reference) or id(function.__globals__) not in block.by_globals:
                return function.__code__ in self._codes
        held = [function] if is_a(function, FunctionType) else list(_in_descriptor(value))
        return bool(held) and all(one.__code__.co_qualname == f"{self._path}.{one.__code__.co_name}" for one in held)

    def _is_generated(self, name: str) -> bool:
        """Tell whether an attribute is a function that was made by other means, with the module's namespace."""
        value = self._working[name]
        functions = [method_function(value), *_in_descriptor(value)]
        return any(
            is_a(one, FunctionType)
            and id(one.__globals__) in self._current.block.by_globals
            and self._files
            and one.__code__.co_filename not in self._files
            for one in functions
        )


def serve_wrappers(generation: Generation, key: tuple[str, str], names: Collection[str]) -> None:
    """Let the wrappers that stay on a class serve their entries: each generation has copies of its own."""
    module, path = key
    for name in names:
        entry = generation.block.entries.get((module, f"{path}.{name}"))
        own = _served(generation.before(module), entry)
        if entry is not None and own is not None:
            generation.locals[entry] = copy_function(own)


def _served(generation: Generation, entry: Entry | None) -> FunctionType | None:
    found = None if entry is None else generation.locals.get(entry)
    found = found.served if is_a(found, LegacyChoice) else found
    return found if is_a(found, FunctionType) else None


def _in_descriptor(value: Any) -> Iterator[FunctionType]:
    if is_a(value, property):
        held = [value.fget, value.fset, value.fdel]
    else:
        held = [value.func] if is_a(value, cached_property) else []
    yield from (one for one in held if is_a(one, FunctionType))


def _in_order(functions: Collection[FunctionType]) -> list[FunctionType]:
    return sorted({id(one): one for one in functions}.values(), key=lambda one: one.__code__.co_firstlineno)
