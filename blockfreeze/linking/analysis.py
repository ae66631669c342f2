"""Which names of a module can be bound statically, found in its compiled code; nothing is executed.

A *definition* is a name that the top level binds by ``def``, ``async def``, ``class`` or to a bare lambda, decorated
or not, or imports from a module of the same block. A *state* name is one that a function rebinds with ``global``.
Everything else is an ordinary global of the generation's private namespace, which nothing else writes.

Working from the code object and not from the source serves members without source (``.pyc``) too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_NESTED, CO_OPTIMIZED
from itertools import chain, compress, repeat
from operator import attrgetter, is_
from types import CodeType
from typing import Final

from blockfreeze.linking.cpython import (
    CONSTANT_LOADS,
    arguments_of_call,
    constant_loaded,
    instructions,
    is_to_be_called,
    name_used,
)
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.laziness import Laziness, laziness, may_be_lazy
from blockfreeze.linking.linkage import Definition, Linkage, Reason

_CONSTANTS: Final = attrgetter("co_consts")

CALLER_NAMES = frozenset({"_getframe", "_getframemodulename", "f_back", "stack"})
"""Attributes by which code gets at its callers' frames."""

GLOBAL_CALLER_NAMES = frozenset({"_getframe", "_getframemodulename"})
"""Those of them that are imported by name and called as globals."""

_LOCALS_READERS: Mapping[str, int] = {"locals": 99, "vars": 1, "dir": 1, "eval": 2, "exec": 2}
"""Functions that look at the local variables of their caller, unless they are given as many arguments."""

_GLOBAL_DELETIONS = pattern_of("DELETE_GLOBAL")
_GLOBAL_STORES = pattern_of("STORE_GLOBAL")
_NAME_LOADS = pattern_of("LOAD_NAME")
_ATTRIBUTE_STORES = pattern_of("STORE_ATTR")
_ITEM_STORES = pattern_of("LOAD_CONST", "STORE_SUBSCR", "DELETE_SUBSCR")


def nested_codes(code: CodeType) -> list[CodeType]:
    """Return the code objects directly inside `code`."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def walk_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and every code object inside it, parents first."""
    level = [code]
    while level:
        yield from level
        constants = list(chain.from_iterable(map(_CONSTANTS, level)))
        level = list(compress(constants, map(is_, map(type, constants), repeat(CodeType))))


def copy_code(code: CodeType) -> CodeType:
    """Return an equal code object made of fresh ones all through."""
    constants = code.co_consts
    if CodeType not in map(type, constants):
        return code.replace()
    return code.replace(co_consts=tuple([copy_code(one) if type(one) is CodeType else one for one in constants]))


def have_one_origin(one: CodeType, other: CodeType) -> bool:
    """Tell whether two code objects are copies of one, as those of functions of unchanged modules are.

    Copies share the table of positions, and no other text is compiled to the same one.
    """
    return one.co_linetable is other.co_linetable and one.co_firstlineno == other.co_firstlineno


def may_be_suspended(code: CodeType) -> bool:
    """Tell whether something made from `code` can outlive a call: a generator of any kind, or a closure."""
    return bool(code.co_flags & (CO_NESTED | CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))


def inspects_locals(code: CodeType) -> bool:
    """Tell whether a function may look at its own local variables, among which free variables would appear."""
    if not code.co_flags & CO_OPTIMIZED or _LOCALS_READERS.keys().isdisjoint(code.co_names):
        return False
    loaded = list(instructions(code))
    for at, (opname, arg) in enumerate(loaded):
        if opname == "LOAD_GLOBAL":
            needed = _LOCALS_READERS.get(code.co_names[arg >> 1], 0)
            if needed and (arguments_of_call(loaded, at) or 0) < needed:
                return True
    return False


def assigns_code(code: CodeType) -> bool:
    """Tell whether a module gives functions the code of others, as wrappers do that compile themselves when called."""
    for one in walk_codes(code):
        if "__code__" in one.co_names:
            read = Instructions(one)
            if any(read.used_name(place)[0] == "__code__" for place in read.where(_ATTRIBUTE_STORES)):
                return True
    return False


def _defined_by(code: CodeType) -> tuple[str, bool] | None:
    """Return the name that making `code` a function leads up to, and whether it is a class."""
    name = code.co_name
    if name.startswith("<generic parameters of "):
        name = name.removeprefix("<generic parameters of ").removesuffix(">")
        inner = [one for one in nested_codes(code) if one.co_name == name]
        return (name, not inner[0].co_flags & CO_OPTIMIZED) if inner else None
    if name == "<lambda>":
        return name, False
    return None if name.startswith("<") else (name, not code.co_flags & CO_OPTIMIZED)


@dataclass
class _TopLevelNames:
    """What a module's top level says of its names; the last seven fields are about the statement that is being read."""

    is_member: Callable[[str, int], bool]
    may_be_lazy: bool
    lazy: set[str] = field(default_factory=set)
    stores: Counter[str] = field(default_factory=Counter)
    definitions: dict[str, Definition] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    member_imports: set[str] = field(default_factory=set)
    pending: dict[str, bool] = field(default_factory=dict)
    """The names whose code became a function since the last store, and whether that is of a class."""
    direct: bool = False
    """The value on top of the stack is a function as MAKE_FUNCTION left it."""
    from_member: bool = False
    """The module on the stack belongs to the block."""
    imported: bool = False
    """The value on top of the stack was imported from it."""
    lazily: bool = False
    """The last import is, or may be, lazy: `promised` is then true while what it pushes is on top of the stack."""
    promised: bool = False
    constants: tuple[object, object] = (None, None)
    """The last two that were loaded."""

    def read(self, code: CodeType) -> None:
        for opname, arg in instructions(code):
            if opname in ("STORE_NAME", "STORE_GLOBAL"):
                self._store(code.co_names[arg])
            elif opname == "MAKE_FUNCTION":
                self._make_function()
            elif opname == "IMPORT_NAME":
                self._import(name_used(code, opname, arg)[0], laziness(arg))
            elif opname == "IMPORT_FROM":
                self.imported, self.promised = self.from_member and not self.lazily, self.lazily
            elif opname != "SET_FUNCTION_ATTRIBUTE":
                self.direct = self.imported = self.promised = False
                if opname in ("DELETE_NAME", "DELETE_GLOBAL"):
                    self.deleted.add(code.co_names[arg])
                elif opname in CONSTANT_LOADS:
                    self.constants = self.constants[1], constant_loaded(code, opname, arg)

    def _store(self, name: str) -> None:
        self.stores[name] += 1
        if name in self.pending:
            kind = "class" if self.pending[name] else "function"
            self.definitions[name] = Definition(name, kind, decorated=not self.direct, single=True)
        elif self.direct and "<lambda>" in self.pending:
            self.definitions.setdefault(name, Definition(name, "function", decorated=False, single=True))
        elif self.imported:
            self.definitions.setdefault(name, Definition(name, "import", decorated=False, single=True))
        if self.promised:
            self.lazy.add(name)
        self.pending, self.direct, self.imported, self.promised = {}, False, False, False

    def _make_function(self) -> None:
        made = self.constants[1]
        defined = _defined_by(made) if isinstance(made, CodeType) else None
        if defined is not None:
            self.pending[defined[0]] = defined[1]
        self.direct = True

    def _import(self, name: str, asked: Laziness) -> None:
        # The level is loaded before the names that are to be imported.
        level = self.constants[0] if isinstance(self.constants[0], int) else 0
        self.from_member, self.imported = self.is_member(name, level), False
        self.lazily = asked is Laziness.LAZY or (asked is Laziness.AS_CONFIGURED and self.may_be_lazy)
        self.promised = self.lazily
        if self.from_member:
            self.member_imports.add(name)


def _rebound(inside: Iterable[CodeType]) -> tuple[set[str], set[str], set[str]]:
    """Return the names that nested code rebinds with ``global``, deletes so, or writes through ``globals()``."""
    stored: set[str] = set()
    deleted: set[str] = set()
    written: set[str] = set()
    for one in inside:
        read = Instructions(one)
        stored.update(read.used_name(place)[0] for place in read.where(_GLOBAL_STORES))
        deleted.update(read.used_name(place)[0] for place in read.where(_GLOBAL_DELETIONS))
        if "globals" in one.co_names:
            constant: object = None
            for place in read.where(_ITEM_STORES):
                if read.opname(place) == "LOAD_CONST":
                    constant = read.constant(place)
                elif isinstance(constant, str):
                    written.add(constant)
    return stored, deleted, written


def _mentions(module: CodeType) -> dict[str, tuple[str, ...]]:
    """Return `Linkage.mentions`; a name that stands for several functions mentions what any of them does."""
    found: dict[str, dict[str, None]] = {}

    def names_in(code: CodeType) -> dict[str, None]:
        of_this_name = found.setdefault(code.co_name, {})
        names = dict.fromkeys(code.co_names)
        if any(isinstance(constant, tuple) and "stacklevel" in constant for constant in code.co_consts):
            names["stacklevel"] = None
        for inner in nested_codes(code):
            names |= names_in(inner)
        of_this_name |= names
        return names

    for one in nested_codes(module):
        names_in(one)
    return {name: tuple(names) for name, names in found.items()}


def _called_names(code: CodeType) -> set[str]:
    """Return the names that the code of a module loads in order to call what they mean."""
    read = Instructions(code)
    return {
        read.used_name(place)[0]
        for place in read.where(_NAME_LOADS)
        if is_to_be_called(read.opname(read.before(place)), read.opname(read.after(place)))
    }


def _class_methods(body: CodeType) -> Iterator[str]:
    read = Instructions(body)
    for place in read.where(_NAME_LOADS):
        made = read.constant(read.after(place))
        if read.used_name(place)[0] == "classmethod" and isinstance(made, CodeType):
            yield made.co_qualname


def analyse(code: CodeType, is_member: Callable[[str, int], bool]) -> Linkage:
    """Sort the names of a module into bound, state and not bound.

    Args:
        code: the module's compiled code.
        is_member: tells whether ``import name`` at a relative `level` names a module of the same block.

    Returns:
        the `Linkage`; the same code gives the same result.
    """
    top, inside = _TopLevelNames(is_member, may_be_lazy(code)), [*walk_codes(code)][1:]
    top.read(code)
    stored, deleted, written = _rebound(inside)
    obstacles = {
        Reason.DELETED: top.deleted,
        Reason.REBOUND: stored | deleted,
        Reason.GLOBALS_WRITTEN: written,
        Reason.IMPORTED_LAZILY: top.lazy,
    }
    bound: dict[str, Definition] = {}
    unbound: dict[str, Reason] = {}
    for name, definition in top.definitions.items():
        reason = next((reason for reason, names in obstacles.items() if name in names), None)
        if reason is None:
            bound[name] = replace(definition, single=top.stores[name] == 1)
        elif definition.kind != "import":
            unbound[name] = reason
    # A definition that functions rebind is not data: each generation has its own, and none survives a swap.
    state = frozenset((stored | deleted) - top.definitions.keys())
    called = _called_names(code)
    recodes = assigns_code(code)
    mentioning = [one for one in inside if not bound.keys().isdisjoint(one.co_names)]
    return Linkage(
        bound,
        state,
        always_set=frozenset(top.stores) & state - deleted - top.deleted,
        unbound=unbound,
        inspecting=frozenset(one.co_qualname for one in mentioning if inspects_locals(one)),
        recoded=frozenset(one.co_qualname for one in mentioning if recodes and one.co_flags & CO_OPTIMIZED),
        member_imports=frozenset(top.member_imports),
        mentions=_mentions(code),
        lazy=frozenset(top.lazy),
        class_methods=frozenset(
            name for one in inside if "classmethod" in one.co_names for name in _class_methods(one)
        ),
        at_import=frozenset(name for name, one in top.definitions.items() if name in called and one.kind == "function"),
    )
