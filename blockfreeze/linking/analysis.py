"""Which names of a module can be bound statically, found in its compiled code; nothing is executed.

A *definition* is a name that the top level binds by ``def``, ``async def``, ``class`` or to a bare lambda, decorated
or not, or imports from a module of the same block. A *state* name is one that a function rebinds with ``global``.
Everything else is an ordinary global of the generation's private namespace, which nothing else writes.

Working from the code object and not from the source serves members without source (``.pyc``) too.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_NESTED, CO_OPTIMIZED
from types import CodeType

from blockfreeze.linking.cpython import arguments_of_call, called_names, instructions

CALLER_NAMES = frozenset({"_getframe", "_getframemodulename", "f_back", "stack"})
"""Attributes by which code gets at its callers' frames."""

GLOBAL_CALLER_NAMES = frozenset({"_getframe", "_getframemodulename"})
"""Those of them that are imported by name and called as globals."""

_LOCALS_READERS: Mapping[str, int] = {"locals": 99, "vars": 1, "dir": 1, "eval": 2, "exec": 2}
"""Functions that look at the local variables of their caller, unless they are given as many arguments."""


class Reason(enum.Enum):
    """Why a definition is not bound statically: the closed list that `check` and `status` speak of."""

    DELETED = "deleted at the top level"
    REBOUND = "rebound with 'global' in a function"
    GLOBALS_WRITTEN = "written through globals()"
    LOCALS_INSPECTED = "inspects its local variables, where cells would appear: what it calls is looked up by name"


@dataclass(frozen=True)
class Definition:
    """A bound name: what kind of statement defines it, and whether exactly one store at the top level does.

    `kind` is ``function``, ``class`` or ``import``; `decorated` is true if the value passes through a call.
    """

    name: str
    kind: str
    decorated: bool
    single: bool


@dataclass(frozen=True)
class Linkage:
    """The result of `analyse`: bound names, state names, and definitions that are not bound, with the reason."""

    bound: dict[str, Definition]
    state: frozenset[str]
    always_set: frozenset[str]
    unbound: dict[str, Reason]
    opaque: frozenset[str] = frozenset()
    member_imports: frozenset[str] = frozenset()
    mentions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the name of each function and class inside, the names in its code; see `callers.may_warn`."""
    moved: frozenset[str] = frozenset()
    """The state names whose home is not the module's, but that of another version of the variable."""
    at_import: frozenset[str] = frozenset()
    """The functions that the top level calls by their names: with classes, perhaps, that it has made."""

    def is_no_definition(self, name: str) -> bool:
        """Tell whether no statement of the module defines `name`, so that it may mean the built-in."""
        return name not in self.bound and name not in self.unbound

    def state_used_beside(self, name: str) -> tuple[str, ...]:
        """Return the state that is kept while `name` starts afresh, and that a function uses together with it.

        A flag or a count may say of the contents of a table what is no longer so. The functions are told apart by name.
        """
        users = [set(names) for names in self.mentions.values() if name in names]
        return tuple(sorted(self.state.intersection(*[set().union(*users)])))

    @property
    def reasons(self) -> dict[str, Reason]:
        """Every definition that is not linked, sorted by name, and why."""
        found = dict.fromkeys(self.opaque, Reason.LOCALS_INSPECTED) | self.unbound
        return dict(sorted(found.items()))


@dataclass
class _TopLevel:
    stores: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    member_imports: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)


def nested_codes(code: CodeType) -> list[CodeType]:
    """Return the code objects directly inside `code`."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def walk_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield `code` and every code object inside it, parents first."""
    yield code
    for inner in nested_codes(code):
        yield from walk_codes(inner)


def copy_code(code: CodeType) -> CodeType:
    """Return an equal code object made of fresh ones all through."""
    return code.replace(co_consts=tuple(copy_code(one) if isinstance(one, CodeType) else one for one in code.co_consts))


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


def _scan_top_level(code: CodeType, is_member: Callable[[str, int], bool]) -> _TopLevel:
    found = _TopLevel()
    pending: dict[str, bool] = {}  # names whose code became a function since the last store: name -> is it a class
    direct = False  # the value on top of the stack is a function as MAKE_FUNCTION left it
    from_member = False  # the module on the stack belongs to the block
    imported = False  # the value on top of the stack was imported from it
    level = 0
    constant: object = None
    found.called = {code.co_names[arg] for arg in called_names(code)}
    for opname, arg in instructions(code):
        if opname in ("STORE_NAME", "STORE_GLOBAL"):
            name = code.co_names[arg]
            found.stores[name] = found.stores.get(name, 0) + 1
            if name in pending:
                found.definitions[name] = Definition(
                    name, "class" if pending[name] else "function", decorated=not direct, single=True
                )
            elif direct and "<lambda>" in pending:
                found.definitions.setdefault(name, Definition(name, "function", decorated=False, single=True))
            elif imported:
                found.definitions.setdefault(name, Definition(name, "import", decorated=False, single=True))
            pending, direct, imported = {}, False, False
            continue
        if opname == "MAKE_FUNCTION":
            defined = _defined_by(constant) if isinstance(constant, CodeType) else None
            if defined is not None:
                pending[defined[0]] = defined[1]
            direct = True
        elif opname == "SET_FUNCTION_ATTRIBUTE":
            pass
        elif opname == "IMPORT_FROM":
            imported = from_member
        elif opname == "IMPORT_NAME":
            from_member, imported = is_member(code.co_names[arg], level), False
            if from_member:
                found.member_imports.add(code.co_names[arg])
        else:
            direct = imported = False
            if opname in ("DELETE_NAME", "DELETE_GLOBAL"):
                found.deleted.add(code.co_names[arg])
            elif opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
                before, constant = constant, code.co_consts[arg] if opname == "LOAD_CONST" else arg
                level = before if isinstance(before, int) else (constant if isinstance(constant, int) else 0)
    return found


def _rebound(code: CodeType) -> tuple[set[str], set[str], set[str]]:
    """Return the names that nested code rebinds with ``global``, deletes so, or writes through ``globals()``."""
    stored: set[str] = set()
    deleted: set[str] = set()
    written: set[str] = set()
    for one in walk_codes(code):
        uses_globals = "globals" in one.co_names
        constant: object = None
        for opname, arg in instructions(one):
            if opname == "STORE_GLOBAL" and one is not code:
                stored.add(one.co_names[arg])
            elif opname == "DELETE_GLOBAL" and one is not code:
                deleted.add(one.co_names[arg])
            elif uses_globals and one is not code and opname in ("STORE_SUBSCR", "DELETE_SUBSCR"):
                if isinstance(constant, str):
                    written.add(constant)
            if opname == "LOAD_CONST":
                constant = one.co_consts[arg]
    return stored, deleted, written


def _mentions(code: CodeType) -> dict[str, tuple[str, ...]]:
    """Return, by the name of each function and class, the names in its code, and ``stacklevel`` if a call passes it.

    A name that stands for several mentions what any of them does.
    """
    found: dict[str, dict[str, None]] = {}
    for one in walk_codes(code):
        if one is not code:
            names = found.setdefault(one.co_name, {})
            for inner in walk_codes(one):
                names.update(dict.fromkeys(inner.co_names))
                if any(isinstance(constant, tuple) and "stacklevel" in constant for constant in inner.co_consts):
                    names["stacklevel"] = None
    return {name: tuple(names) for name, names in found.items()}


def analyse(code: CodeType, is_member: Callable[[str, int], bool]) -> Linkage:
    """Sort the names of a module into bound, state and not bound.

    Args:
        code: the module's compiled code.
        is_member: tells whether ``import name`` at a relative `level` names a module of the same block.

    Returns:
        the `Linkage`; the same code gives the same result.
    """
    top = _scan_top_level(code, is_member)
    stored, deleted, written = _rebound(code)
    bound: dict[str, Definition] = {}
    unbound: dict[str, Reason] = {}
    for name, definition in top.definitions.items():
        if name in top.deleted:
            reason = Reason.DELETED
        elif name in stored or name in deleted:
            reason = Reason.REBOUND
        elif name in written:
            reason = Reason.GLOBALS_WRITTEN
        else:
            single = top.stores[name] == 1
            bound[name] = Definition(name, definition.kind, definition.decorated, single)
            continue
        if definition.kind != "import":
            unbound[name] = reason
    # A definition that functions rebind is not data: each generation has its own, and none survives a swap.
    state = frozenset((stored | deleted) - top.definitions.keys())
    opaque = frozenset(
        one.co_qualname
        for one in walk_codes(code)
        if one is not code and inspects_locals(one) and not bound.keys().isdisjoint(one.co_names)
    )
    always_set = frozenset(name for name in state if name in top.stores) - deleted - top.deleted
    functions = frozenset(name for name, definition in top.definitions.items() if definition.kind == "function")
    return Linkage(
        bound,
        state,
        always_set,
        unbound,
        opaque,
        frozenset(top.member_imports),
        _mentions(code),
        at_import=functions & top.called,
    )
