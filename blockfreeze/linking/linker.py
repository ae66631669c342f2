"""Linking: rewrite a module's code object so that its definitions are reached through cells. Code in, code out.

Every bound name becomes a free variable of the module's code object, so that ``exec(code, namespace, closure=cells)``
hands the cells in, and every function is made with its links. What decorators, tables and class bodies capture is
linked already. The rules for each name, which are in `nested_code` and `class_access`:

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

At the top level (`top_level`) a store to a bound name calls the hook `BIND`, a decorated function is passed through
`DEFINE` before its decorators see it, a star import stands between `STAR` and `REFRESH`, and ``os.register_at_fork`` is
`AT_FORK`. In a later generation what else is made and stored passes through `PRESERVE`, an import of a member goes
through `IMPORT_MEMBER`, `BUILD` and `DECORATOR` say whether a class statement makes its class, and whatever has an
attribute set may be a class that serves already. The hooks are free variables too: nothing of blockfreeze appears in
the module's namespace.

Invariants: instructions keep their source positions; a code object that needs no change is returned as it is;
code objects hold no function (they are not tracked by the garbage collector, and a cycle through one would leak).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType
from typing import Any

from bytecode import Bytecode
from bytecode.instr import CellVar, FreeVar, Instr, InstrLocation

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking.analysis import Linkage, nested_codes
from blockfreeze.linking.class_access import ClassAccesses, InOrder, class_accesses, take_over
from blockfreeze.linking.hook_table import HOME, hooks_of
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.linking.nested_code import NestedCode
from blockfreeze.linking.top_level import TopLevel

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
    names = LinkedNames.of(code, linkage, has_home=has_home)
    nested = NestedCode(names)
    for inner in nested_codes(code):
        nested.survey(inner)
    free = {*names.cells.values(), *hooks_of(later=has_home)}
    accesses: ClassAccesses = {}
    if has_home:
        free |= {HOME, *map(names.home_of, linkage.moved)}
        # Everything may be a class that serves already; in the first generation none is.
        accesses = class_accesses(code, list(cpython.instructions(code)), linkage, everything=True)
    linked = _rewrite(code, tuple(sorted(free)), accesses, TopLevel(code, names), nested)
    return LinkedCode(linked, names.cells, linkage, has_home, frozenset(nested.assigned))


def _rewrite(
    code: CodeType, gained: tuple[str, ...], accesses: ClassAccesses, rules: TopLevel | NestedCode, nested: NestedCode
) -> CodeType:
    """Return `code` with the free variables `gained`, its instructions by `rules`, and what is inside it linked."""
    source, exchanged = cpython.read(code)
    items = [item for item in source if not (isinstance(item, Instr) and item.name == "COPY_FREE_VARS")]
    instructions = [item for item in items if isinstance(item, Instr)]
    in_order = InOrder(accesses)
    result: list[Any] = []
    at = -1
    for item in items:
        if not isinstance(item, Instr):
            result.append(item)
            continue
        at += 1
        hook = in_order.hook_at(item)
        if isinstance(item.arg, CodeType):
            result += _push_code(item.arg, result, source, item.location, nested)
        elif item.name == "MAKE_FUNCTION":
            result += _make_function(item, instructions[at - 1].arg, nested)
        elif hook:
            result += take_over(hook, item)
        else:
            result += rules.replacement(instructions, at)
        if isinstance(rules, TopLevel) and item.name in ("MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE"):
            result += rules.after_function(instructions, at)
    free = [*source.freevars, *gained]
    source[:] = [Instr("COPY_FREE_VARS", len(free), location=_NOWHERE), *result]
    source.freevars = free
    return cpython.write(source, exchanged, code.co_stacksize + len(gained) + 4)


def _push_code(
    inner: CodeType, before: list[Any], outer: Bytecode, at: InstrLocation | None, nested: NestedCode
) -> list[Instr]:
    """Return what pushes a nested code object, linked, under the tuple of its cells.

    If it has free variables already, the last of `before` makes their tuple; what is returned makes a longer one.
    """
    gained = nested.gained.get(id(inner), ())
    if not gained:
        return [Instr("LOAD_CONST", inner, location=at)]
    variables = [CellVar(name) if name in outer.cellvars else FreeVar(name) for name in gained]
    size = len(variables)
    if inner.co_freevars:
        tuple_of_cells = before.pop()
        assert tuple_of_cells.name == "BUILD_TUPLE"
        size += tuple_of_cells.arg
    accesses = {hook: found for hook, found in nested.accesses[id(inner)].items() if hook in gained}
    return [
        *(sequences.closure_load(variable, at) for variable in variables),
        Instr("BUILD_TUPLE", size, location=at),
        Instr("LOAD_CONST", _rewrite(inner, gained, accesses, nested, nested), location=at),
    ]


def _make_function(item: Instr, inner: object, nested: NestedCode) -> list[Instr]:
    if not isinstance(inner, CodeType) or not nested.gained.get(id(inner)):
        return [item]
    return sequences.make_with_closure(item, had_closure=bool(inner.co_freevars))
