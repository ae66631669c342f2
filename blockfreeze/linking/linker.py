"""Linking: rewrite a module's code object so that its definitions are reached through cells. Code in, code out.

Every bound name becomes a free variable of the module's code object, so that ``exec(code, namespace, closure=cells)``
hands the cells in and every function is *born* with its links; what decorators, tables and class bodies capture is
linked already. The rules, for each name:

=============================================  ==================================================
in nested code                                 becomes
=============================================  ==================================================
call of a bound name, attribute of it          the cell (a generation's own function)
any use of a bound class                       the cell (a class has one identity)
other use of a bound function                  unchanged: its value, the entry
state name, when the block has a home for it   the home dictionary, shared by generations of one version
assignment to an attribute of a class          the hook `ASSIGN`, which knows the generation; `UNASSIGN`, `SETTER`
``cls.__dict__``                               the hook `DICTIONARY`, which leaves our switches out
``sys._getframe``, ``frame.f_back`` and such   the hook `CALLER`, which leaves our own frames out
=============================================  ==================================================

At the top level a store to a bound name calls the hook `BIND`, a decorated function is passed through `DEFINE` before
its decorators see it, a star import stands between `STAR` and `REFRESH`, and ``os.register_at_fork`` is `AT_FORK`. In a
later generation what else is made and stored passes through `PRESERVE`, an import of a member goes through `IMPORT`,
`BUILD` and `DECORATOR` say whether a class statement makes its class, and whatever has an attribute set there may be a
class that serves already. The hooks are free variables too: nothing of blockfreeze appears in the module's namespace.

Invariants: instructions keep their source positions; a code object that needs no change is returned as it is;
code objects hold no function (they are not tracked by the garbage collector, and a cycle through one would leak).
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from itertools import takewhile
from types import CodeType
from typing import Any

from bytecode import Bytecode
from bytecode.instr import CellVar, FreeVar, Instr, InstrLocation

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.analysis import (
    CALLER_NAMES,
    GLOBAL_CALLER_NAMES,
    Definition,
    Linkage,
    inspects_locals,
    nested_codes,
    walk_codes,
)
from blockfreeze.linking.class_access import SETTERS, ClassAccess, assigned_names, class_hooks, take_over
from blockfreeze.linking.hook_table import (
    AS_IT_IS,
    ASSIGN,
    AT_FORK,
    BIND,
    BUILD,
    CALLER,
    CLASS_HOOKS,
    DECORATOR,
    DEFINE,
    HOME,
    IMPORT_MEMBER,
    LOAD,
    PRESERVE,
    REFRESH,
    REGISTER_AT_FORK,
    SETTER,
    STAR,
    STATE,
    UNSET,
    home_variable,
    hooks_of,
)
from blockfreeze.linking.unlinked import with_callers_shown

_NOWHERE = InstrLocation(None, None, None, None)


@dataclass(frozen=True)
class LinkedCode:
    """A linked module: `code` wants as closure the cells `cells` (name to free variable) and the hooks by name."""

    code: CodeType
    cells: dict[str, str]
    linkage: Linkage
    has_home: bool
    assigns: frozenset[str] = frozenset()
    """The names of the attributes that its functions assign to classes."""
    made_before: frozenset[str] = frozenset()
    """The functions that are not registered again."""


def link(code: CodeType, linkage: Linkage, *, has_home: bool) -> LinkedCode:
    """Link the code object of a module.

    Args:
        code: as the compiler made it.
        linkage: what `analyse` found in it.
        has_home: the block has a home for this module's state already (true for every generation but the first).

    Returns:
        the linked code; the same input gives an equal result.
    """
    return _Linker(code, linkage, has_home=has_home).linked()


class _Linker:
    def __init__(self, code: CodeType, linkage: Linkage, *, has_home: bool) -> None:
        self.code = code
        self.linkage = linkage
        self.has_home = has_home
        taken: set[str] = set()
        for one in walk_codes(code):
            taken.update(one.co_varnames, one.co_cellvars, one.co_freevars)
        # A function that declares `global bar` may sit inside one that has a local `bar`: keep the two apart.
        self.cells = {name: f".{name}" if name in taken else name for name in linkage.bound}
        self.wanted: dict[int, tuple[str, ...]] = {}
        self.assigns: set[str] = set()
        self.built: set[str] = set()  # classes whose statement asks the hook; a generic class is made elsewhere

    def linked(self) -> LinkedCode:
        for inner in nested_codes(self.code):
            self._find_wanted(inner)
        free = {*(self.cells[name] for name in self.linkage.bound), *hooks_of(later=self.has_home)}
        if self.has_home:
            free |= {HOME, *(self._home(name) for name in self.linkage.moved)}
        code = self._rewrite(self.code, tuple(sorted(free)), top_level=True)
        return LinkedCode(code, self.cells, self.linkage, self.has_home, frozenset(self.assigns))

    def _find_wanted(self, code: CodeType) -> set[str]:
        """Compute once, for `code` and what is inside it, the free variables that each has to gain."""
        wanted: set[str] = set()
        if not inspects_locals(code):
            loads = list(cpython.instructions(code))
            if code.co_flags & CO_OPTIMIZED:
                hooks = class_hooks(code, loads, self.linkage)
                wanted |= hooks
                if ASSIGN in hooks:
                    self.assigns |= assigned_names(code, loads, self.linkage)
            for at, (opname, arg) in enumerate(loads):
                follower = loads[at + 1][0] if at + 1 < len(loads) else ""
                wanted |= self._wanted_by(code, opname, arg, follower)
            for inner in nested_codes(code):
                wanted |= self._find_wanted(inner)
        self.wanted[id(code)] = tuple(sorted(wanted))
        return wanted

    def _wanted_by(self, code: CodeType, opname: str, arg: int, follower: str) -> set[str]:
        if opname == "LOAD_GLOBAL":
            name = code.co_names[arg >> 1]
            if self._reaches_cell(name, called=bool(arg & 1), follower=follower):
                return {self.cells[name]}
            if arg & 1 and name in GLOBAL_CALLER_NAMES:
                return {CALLER}
            if self._is_shared(name):
                return {self._home(name), LOAD}
        elif opname == "LOAD_NAME":
            name = code.co_names[arg]
            if self._reaches_cell_from_class(name, follower):
                return {self.cells[name]}
        elif opname in ("LOAD_ATTR", "LOAD_METHOD"):
            return {CALLER} if cpython.attribute_name(code, opname, arg) in CALLER_NAMES else set()
        elif opname in ("STORE_GLOBAL", "DELETE_GLOBAL") and self._is_shared(code.co_names[arg]):
            return {self._home(code.co_names[arg]), UNSET}
        return set()

    def _home(self, name: str) -> str:
        return home_variable(name) if name in self.linkage.moved else HOME

    def _is_shared(self, name: str) -> bool:
        return self.has_home and name in self.linkage.state

    def _reaches_cell(self, name: str, *, called: bool, follower: str) -> bool:
        definition = self.linkage.bound.get(name)
        if definition is None:
            return False
        return called or definition.kind == "class" or follower in cpython.ATTRIBUTE_USES

    def _reaches_cell_from_class(self, name: str, follower: str) -> bool:
        # The instruction looks into the class's namespace first, under the name of the variable.
        return self.cells.get(name) == name and self._reaches_cell(name, called=False, follower=follower)

    def _rewrite(self, code: CodeType, gained: tuple[str, ...], *, top_level: bool) -> CodeType:
        if not gained:
            return code
        source, exchanged = cpython.read(code)
        result: list[Any] = []
        previous = ""
        items: list[object] = list(source)
        # At the top level of a later generation everything may be a class that serves already; in the first none is.
        looked_for = CLASS_HOOKS.intersection(gained) if self.has_home or not top_level else frozenset()
        accesses = ClassAccess(code, self.linkage, looked_for, everything=top_level)
        for at, item in enumerate(items):
            if not isinstance(item, Instr):
                result.append(item)
                continue
            follower = next((one.name for one in items[at + 1 :] if isinstance(one, Instr)), "")
            if item.name == "COPY_FREE_VARS":
                continue
            hook = accesses.hook_at(item)
            if isinstance(item.arg, CodeType):
                self._push_code(result, source, item)
            elif item.name == "MAKE_FUNCTION":
                self._make_function(result, item, items, at)
            elif hook:
                result += take_over(hook, item)
            elif top_level:
                result += self._around_definition(item, items, at) or self._top_level(item, previous, follower)
            else:
                result += self._nested(item, follower)
            if top_level:
                self._after_definition(result, item, items, at)
            previous = item.name
        free = [*source.freevars, *gained]
        source[:] = [Instr("COPY_FREE_VARS", len(free), location=_NOWHERE), *result]
        source.freevars = free
        return cpython.write(source, exchanged, code.co_stacksize + len(gained) + 4)

    def _push_code(self, result: list[object], outer: Bytecode, item: Instr) -> None:
        inner = item.arg
        assert isinstance(inner, CodeType)
        gained = self.wanted.get(id(inner), ())
        if gained:
            loads = [self._closure_load(outer, name, item) for name in gained]
            size = len(gained)
            if inner.co_freevars:
                tuple_of_cells = result.pop()
                assert isinstance(tuple_of_cells, Instr)
                assert tuple_of_cells.name == "BUILD_TUPLE"
                assert isinstance(tuple_of_cells.arg, int)
                size += tuple_of_cells.arg
            result += [*loads, Instr("BUILD_TUPLE", size, location=item.location)]
        result.append(Instr("LOAD_CONST", self._rewrite(inner, gained, top_level=False), location=item.location))

    @staticmethod
    def _closure_load(outer: Bytecode, name: str, item: Instr) -> Instr:
        variable = CellVar(name) if name in outer.cellvars else FreeVar(name)
        return sequences.closure_load(variable, item.location)

    def _make_function(self, result: list[object], item: Instr, items: list[object], at: int) -> None:
        inner = _code_before(items, at)
        if inner is not None and self.wanted.get(id(inner)):
            result += sequences.make_with_closure(item, had_closure=bool(inner.co_freevars))
        else:
            result.append(item)

    def _nested(self, item: Instr, follower: str) -> list[Instr]:
        at = item.location
        if item.name == "LOAD_GLOBAL":
            assert isinstance(item.arg, tuple)
            called, name = bool(item.arg[0]), str(item.arg[1])
            if self._reaches_cell(name, called=called, follower=follower):
                loads = [sequences.free_load(self.cells[name], at)]
            elif self.has_home and name in self.linkage.state:
                loads = sequences.home_load(
                    self._home(name), LOAD, name, at, always_set=name in self.linkage.always_set
                )
            else:
                return self._with_callers_shown(item)
            return sequences.callable_load(loads, at) if called else loads
        if item.name == "LOAD_NAME" and self._reaches_cell_from_class(str(item.arg), follower):
            return sequences.class_load(str(item.arg), at)
        if self.has_home and item.name in ("STORE_GLOBAL", "DELETE_GLOBAL") and item.arg in self.linkage.state:
            return self._write_state(item)
        return self._with_callers_shown(item)

    @staticmethod
    def _with_callers_shown(item: Instr) -> list[Instr]:
        return with_callers_shown(item, lambda at: sequences.free_load(CALLER, at))

    def _write_state(self, item: Instr) -> list[Instr]:
        name, at = str(item.arg), item.location
        if item.name.startswith("DELETE"):
            return [*sequences.call_hook(UNSET, (name,), at), Instr("POP_TOP", location=at)]
        # The generation's own namespace has a copy, for globals(), class bodies and code made by exec.
        mirror = [Instr("COPY", 1, location=at), Instr("STORE_GLOBAL", name, location=at)]
        return [*mirror, *sequences.store_subscript(self._home(name), name, at)]

    def _top_level(self, item: Instr, previous: str, follower: str) -> list[Instr]:
        at = item.location
        if cpython.is_star_import(item.name, item.arg):
            refresh = [*sequences.call_hook(REFRESH, (), at), Instr("POP_TOP", location=at)]
            return [*sequences.call_with_value(STAR, (), at), item, *refresh]
        if item.name in ("LOAD_ATTR", "LOAD_METHOD") and cpython.attribute_load(item)[0] == REGISTER_AT_FORK:
            null = sequences.null_for(at) if cpython.attribute_load(item)[1] else []
            return [*sequences.call_with_value(AT_FORK, (), at), *null]
        if item.name == "IMPORT_NAME" and self.has_home and str(item.arg) in self.linkage.member_imports:
            return sequences.call_with_two(IMPORT_MEMBER, str(item.arg), at, push=True)
        if item.name not in ("STORE_NAME", "STORE_GLOBAL", "LOAD_NAME", "DELETE_NAME"):
            return [item]
        name = str(item.arg)
        if name == AS_IT_IS:
            return [sequences.free_load(AS_IT_IS, at)]
        if self.has_home and name in self.linkage.state:
            if item.name == "LOAD_NAME":
                return sequences.home_load(self._home(name), LOAD, name, at, always_set=False)
            if item.name == "DELETE_NAME":
                return [*sequences.call_hook(UNSET, (name,), at), Instr("POP_TOP", location=at)]
            return [*sequences.call_with_value(STATE, (name,), at), Instr("POP_TOP", location=at)]
        if item.name == "LOAD_NAME":
            called = cpython.is_to_be_called(previous, follower)
            if called and self.has_home and name in SETTERS and self.linkage.is_no_definition(name):
                return sequences.call_hook(SETTER, (name,), at)
            definition = self.linkage.bound.get(name)
            if definition is not None and definition.single and follower in cpython.ATTRIBUTE_USES:
                return [sequences.free_load(self.cells[name], at)]
        elif item.name.startswith("STORE"):
            if name in self.linkage.bound:
                return [*sequences.call_with_value(BIND, (name,), at), item]
            if self.has_home and previous not in cpython.TAKEN_FROM_ELSEWHERE and name not in self.linkage.unbound:
                return [*sequences.call_with_value(PRESERVE, (name,), at), item]
        return [item]

    def _around_definition(self, item: Instr, items: list[object], at: int) -> list[Instr]:
        """Let the hooks decide whether a class statement of a later generation makes the class, and decorates it."""
        if not self.has_home:
            return []
        following = [one for one in items[at:] if isinstance(one, Instr)]
        if item.name == "LOAD_BUILD_CLASS":
            name = next((one.arg.co_name for one in following if isinstance(one.arg, CodeType)), "")
            if not self._is_one_class(name):
                return []
            if self.linkage.bound[name].single:
                self.built.add(name)
            elif any(map(cpython.begins_decoration, takewhile(lambda one: one.name != "STORE_NAME", following))):
                return []  # what decorates it cannot be told from a call that makes something else of it later
            return sequences.call_hook(BUILD, (name,), item.location)
        if not cpython.begins_decoration(item):
            return []
        stored = next((one for one in following if not cpython.decorates(one)), item)
        if stored.name != "STORE_NAME" or str(stored.arg) not in self.built:
            return []
        turn = Instr("SWAP", 2, location=item.location)
        return [turn, *sequences.call_with_value(DECORATOR, (str(stored.arg),), item.location), turn.copy(), item]

    def _is_one_class(self, name: str) -> bool:
        definition = self.linkage.bound.get(name)
        bodies = [one for one in nested_codes(self.code) if one.co_name == name and not one.co_flags & CO_OPTIMIZED]
        return definition is not None and definition.kind == "class" and len(bodies) == 1

    def _after_definition(self, result: list[object], item: Instr, items: list[object], at: int) -> None:
        """After a decorated function is complete and before its decorators are applied: the hook `DEFINE`."""
        if item.name not in ("MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE"):
            return
        follower = next((one.name for one in items[at + 1 :] if isinstance(one, Instr)), "")
        if follower == "SET_FUNCTION_ATTRIBUTE":
            return
        make = at
        while not (isinstance(items[make], Instr) and items[make].name == "MAKE_FUNCTION"):  # type: ignore[attr-defined]
            make -= 1
        inner = _code_before(items, make)
        definition: Definition | None = self.linkage.bound.get(inner.co_name) if inner is not None else None
        if inner is None or definition is None or not inner.co_flags & CO_OPTIMIZED:
            return
        if definition.kind == "function" and definition.decorated and definition.single:
            result += sequences.call_with_value(DEFINE, (definition.name,), item.location)


def _code_before(items: list[object], at: int) -> CodeType | None:
    for item in reversed(items[:at]):
        if isinstance(item, Instr):
            return item.arg if isinstance(item.arg, CodeType) else None
    return None
