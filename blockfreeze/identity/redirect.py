"""Redirecting what a new generation has built: wherever it holds one object, it is to hold another.

While its bodies run, a generation is made of its own functions, as a cold start would be: decorators and whatever else
inspects them see the new version. When it is complete, and before anybody can reach it, tables, attributes, defaults,
weak references and names get the entries, and the classes that existed before, instead. A closure that only calls a
function keeps the generation's own: what a wrapper calls is linked statically. A closure that uses the function as a
value, to look it up in a table, gets the entry.

Everything that the roots reach is searched, except modules, and classes other than those that are named. It need not
be new: a cache that survives every swap may hold a million objects, and other threads go on to change it. So what an
object's type decides is decided once for the type, what holds nothing to replace is passed on by C code that no other
thread interrupts, and instances whose ``__dict__`` does not exist yet do not get one.
"""

from __future__ import annotations

import gc
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial
from types import CellType, CodeType, FunctionType, MappingProxyType, MemberDescriptorType, MethodType, ModuleType
from typing import Any
from weakref import WeakMethod

from blockfreeze.core.safe_access import (
    ABSENT,
    ATOMS,
    FROZEN,
    HEAP_TYPE,
    cell_content,
    compiles_bytecode,
    is_a,
    is_our_own,
    module_of,
    own_attribute,
)
from blockfreeze.identity.replacement import BOUND, VIEWS, Replacement, items_of
from blockfreeze.linking.cpython import read_as_values

_FACTORY: Any = defaultdict.__dict__["default_factory"]

_NEVER_ENTERED = (*ATOMS, ModuleType)

_REBOUND = frozenset({WeakMethod, *BOUND, *VIEWS})

_HAS_REFERENCES = 1 << 14  # Py_TPFLAGS_HAVE_GC: without it an object cannot hold another one that counts here


def redirect(
    roots: list[Any], replace: Mapping[int, Any], classes: tuple[type, ...] = (), within: str | None = None
) -> None:
    """Replace objects in everything that `roots` reach.

    Args:
        roots: containers, functions or instances to begin with.
        replace: the other object, by the id of the one that is to be replaced.
        classes: classes whose attributes are entered as well.
        within: of the functions that closures hold, enter only those whose qualified name begins so.
    """
    _Redirection(replace, classes, within).run(roots)


def _has_attributes(kind: type) -> bool:
    """Tell whether instances of a class have attributes beside what the built-in class has that it is derived from."""
    derived = [cls for cls in kind.__mro__ if cls.__flags__ & HEAP_TYPE]
    slots = (is_a(slot, MemberDescriptorType) for cls in derived for slot in list(cls.__dict__.values()))
    return bool(derived) and (bool(kind.__dictoffset__) or any(slots))


class _Redirection(Replacement):
    """The walk through everything that the roots reach."""

    def __init__(self, replace: Mapping[int, Any], classes: tuple[type, ...], within: str | None) -> None:
        super().__init__(replace)
        self.within = within
        self.classes = {id(cls) for cls in classes}
        # What functions of a code read for more than to call it, by its id: to hash a code is to read all of it.
        self.read: dict[int, tuple[CodeType, frozenset[str]]] = {}
        self.ways: dict[type, Callable[[Any], None] | None] = {}  # how objects of a type are entered, if they are
        self.entered: set[int] = set()  # the ids of cells and globals that hold nothing to be replaced

    def run(self, roots: list[Any]) -> None:
        """Replace objects in everything that `roots` reach."""
        for root in roots:
            if is_a(root, dict):
                # Objects of the import system, and through them our own, are nothing that the build has made.
                self.seen.update(
                    (id(root.get(name)), root.get(name)) for name in ("__spec__", "__loader__", "__builtins__")
                )
        self.todo = list(roots)
        try:
            self._walk()
        finally:
            self.ways.clear()  # they refer to this object, and what it has seen is not to wait for the collector

    def _walk(self) -> None:
        todo, seen, ways = self.todo, self.seen, self.ways
        while todo:
            found = todo.pop()
            # By `type` and not `isinstance`, which would read the attribute __class__ of each module of the block.
            kind = type(found)
            if kind not in ways:
                ways[kind] = self._way(kind)
            enter = ways[kind]
            if enter is not None and id(found) not in seen:
                seen[id(found)] = found
                enter(found)

    def _way(self, kind: type) -> Callable[[Any], None] | None:
        # Our own hooks lead to the tables that say what is to be replaced by what.
        never = issubclass(kind, _NEVER_ENTERED) or not kind.__flags__ & _HAS_REFERENCES
        if never or any("__class__" in cls.__dict__ for cls in kind.__mro__[:-1]) or is_our_own(module_of(kind)):
            return None
        if compiles_bytecode(kind):
            return None
        for base, enter in (
            (dict, self._enter_dict),
            (list, partial(self._enter_sequence, list)),
            (deque, partial(self._enter_sequence, deque)),
            (set, self._enter_set),
            (FROZEN, self._enter_immutable),
            (FunctionType, self._enter_function),
            (type, self._enter_class),
            (property, self._enter_property),
            (MethodType, self._enter_method),
            (MappingProxyType, self._enter_view),
            (partial, self._enter_partial),
        ):
            if issubclass(kind, base):
                return self._both(enter) if base not in (type, partial) and _has_attributes(kind) else enter
        plain = all(cls.__flags__ & HEAP_TYPE for cls in kind.__mro__[:-1])
        return self._enter_plain_instance if plain else self._enter_instance

    def _both(self, enter: Callable[[Any], None]) -> Callable[[Any], None]:
        def enter_both(found: Any) -> None:
            enter(found)
            self._enter_plain_instance(found)

        return enter_both

    # By the built-in methods: a class may let its own refuse a change, or do more than that.

    def _enter_dict(self, found: dict[Any, Any]) -> None:
        kind = OrderedDict if is_a(found, OrderedDict) else dict
        if is_a(found, defaultdict):
            factory = _FACTORY.__get__(found)
            new = self.new(factory)
            if new is not factory:
                _FACTORY.__set__(found, new)
        keys = list(kind.keys(found))
        if self.changes_keys(keys):
            items = list(kind.items(found))
            kind.clear(found)
            for key, value in items:
                kind.__setitem__(found, self.new_key(key), value)
        values = list(kind.values(found))
        if self.holds_none(values):
            self.todo.extend(values)
            return
        for key, value in list(kind.items(found)):
            new = self.new(value)
            if new is not value:
                kind.__setitem__(found, key, new)

    def _enter_sequence(self, kind: Any, found: Any) -> None:
        values = list(kind.__iter__(found))
        if self.holds_none(values):
            self.todo.extend(values)
            return
        for at, value in enumerate(values):
            new = self.new(value)
            if new is not value:
                kind.__setitem__(found, at, new)

    def _enter_set(self, found: set[Any]) -> None:
        for value in list(set.__iter__(found)):
            new = self.new_key(value)
            if new is not value:
                set.discard(found, value)
                set.add(found, new)

    def _enter_immutable(self, found: Any) -> None:
        self.todo.extend(items_of(found))

    def _enter_property(self, found: property) -> None:
        self.todo.extend((found.fget, found.fset, found.fdel))

    def _enter_view(self, found: MappingProxyType[Any, Any]) -> None:
        for seen in gc.get_referents(found):
            if not is_a(seen, dict) or "__doc__" not in seen:  # which each class has: its own dictionary is not entered
                self.todo.append(seen)

    def _enter_method(self, found: MethodType) -> None:
        if not is_our_own(module_of(type(found.__self__))):
            self.todo.extend((found.__func__, found.__self__))

    def _enter_function(self, found: FunctionType) -> None:
        own, closure, defaults, keywords = found.__dict__, found.__closure__, found.__defaults__, found.__kwdefaults__
        if own:
            self.todo.append(own)
        if self.within is None:
            self._enter_globals(found.__globals__)
        if closure is not None and not self.entered.issuperset(map(id, closure)):
            for name, cell in zip(found.__code__.co_freevars, closure, strict=False):
                content = cell_content(cell) if id(cell) not in self.entered else ABSENT
                if content is not ABSENT:
                    self._enter_cell(found, name, cell, content)
        if defaults is not None:
            # A function that is a default value of itself may change what that is: it stays itself.
            itself = any(value is found for value in defaults)
            new = tuple(self._default(found, value) for value in defaults) if itself else self.new(defaults)
            if new is not defaults:
                found.__defaults__ = new
        if keywords is not None:
            if any(value is found for value in keywords.values()):
                found.__kwdefaults__ = {name: self._default(found, value) for name, value in keywords.items()}
            else:
                self.todo.append(keywords)

    def _enter_globals(self, namespace: dict[str, Any]) -> None:
        """Enter the globals that `exec` was given to make a function in, if they hold something to be replaced.

        Those of a module are no such: what other modules have is theirs. A copy of the version's own has the same spec.
        """
        if id(namespace) not in self.entered:
            self.entered.add(id(namespace))  # `seen` holds the function, which holds them
            spec = namespace.get("__spec__", ABSENT)
            is_copy = spec is not None and id(spec) in self.seen
            if (spec is ABSENT or is_copy) and not self.replace.keys().isdisjoint(map(id, list(namespace.values()))):
                self.todo.append(namespace)

    def _default(self, function: FunctionType, value: Any) -> Any:
        return value if value is function else self.new(value)

    def _enter_cell(self, function: FunctionType, name: str, cell: CellType, content: Any) -> None:
        new = self.replace.get(id(content))
        kind = type(content)
        if new is None and (kind in _REBOUND or issubclass(kind, FROZEN)):
            again = self.new(content)
            new = None if again is content else again
        if new is not None and (not is_a(new, FunctionType) or name in self._read_as_values(function)):
            cell.cell_contents = new
            self.todo.append(content)
        elif self.within is None or not is_a(content, FunctionType) or content.__qualname__.startswith(self.within):
            self.todo.append(content)
        if new is None:
            self.entered.add(id(cell))  # `seen` holds the function, which holds the cell

    def _read_as_values(self, function: FunctionType) -> frozenset[str]:
        code = function.__code__
        if id(code) not in self.read:
            self.read[id(code)] = code, read_as_values(code)
        return self.read[id(code)][1]

    def _enter_class(self, found: type) -> None:
        if id(found) not in self.classes:
            return
        for name, value in list(found.__dict__.items()):
            if name not in ("__dict__", "__weakref__"):
                new = self.new(value)
                if new is not value:
                    type.__setattr__(found, name, new)

    def _enter_partial(self, found: partial[Any]) -> None:
        new = self.new(found.func)
        arguments = self.new(found.args)
        if new is not found.func or arguments is not found.args:
            found.__setstate__((new, arguments, found.keywords, found.__dict__))  # type: ignore[attr-defined]
        self.todo.append(found.keywords)
        self._enter_instance(found)

    def _enter_plain_instance(self, found: Any) -> None:
        """Enter an instance by what the collector shows of it, so that no ``__dict__`` is made just to look into it."""
        held = gc.get_referents(found)
        if self.holds_none(held):
            self.todo.extend(held)
        else:
            self._enter_instance(found)

    def _enter_instance(self, found: Any) -> None:
        self.todo.append(own_attribute(found, "__func__"))
        own = own_attribute(found, "__dict__")
        if is_a(own, dict):
            self.todo.append(own)
        for cls in type(found).__mro__[:-1]:
            for slot in list(cls.__dict__.values()) if cls.__flags__ & HEAP_TYPE else ():
                if is_a(slot, MemberDescriptorType):
                    self._enter_slot(found, slot)

    def _enter_slot(self, found: Any, slot: MemberDescriptorType) -> None:
        try:
            value = slot.__get__(found)
        except AttributeError:
            return
        new = self.new(value)
        if new is not value:
            slot.__set__(found, new)
