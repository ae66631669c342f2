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
``cls.__subclasses__``                         the hook `SUBCLASSES`, which leaves other versions' out
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

from blockfreeze.linking.analysis import assigns_code, nested_codes
from blockfreeze.linking.edits import Edits, Write
from blockfreeze.linking.hook_table import HOME, hooks_of
from blockfreeze.linking.instructions import Instructions
from blockfreeze.linking.linkage import Linkage
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.linking.nested_code import NestedCode
from blockfreeze.linking.top_level import TopLevel
from blockfreeze.linking.writing import write as write_in_this_version


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
    has_unlinked_callers: bool = True
    """Functions of it may get at frames that are not linked: `show_callers` has something to do."""


def link(code: CodeType, linkage: Linkage, *, has_home: bool, write: Write = write_in_this_version) -> LinkedCode:
    """Link the code object of a module.

    Args:
        code: as the compiler made it.
        linkage: what `analyse` found in it.
        has_home: the block has a home for this module's state already (true for every generation but the first).
        write: how code objects are written.

    Returns:
        the linked code; the same input gives an equal result.
    """
    names = LinkedNames.of(code, linkage, has_home=has_home)
    nested = NestedCode(names, assigns_code=assigns_code(code))
    for inner in nested_codes(code):
        nested.survey(inner)
    free = {*names.cells.values(), *hooks_of(later=has_home)}
    if has_home:
        free |= {HOME, *map(names.home_of, linkage.moved)}
    read = Instructions(code)
    replaced = TopLevel(read, names).replaced(nested.replaced_at_functions(read))
    linked = write(code, Edits(replaced, tuple(sorted(free)), _linked_inside(code, nested, write)))
    return LinkedCode(linked, names.cells, linkage, has_home, frozenset(nested.assigned))


def _linked_inside(code: CodeType, nested: NestedCode, write: Write) -> dict[int, CodeType]:
    """Return, by the identity of each code object inside `code` that gains free variables, what it becomes."""
    linked = {}
    for inner in nested_codes(code):
        gained = nested.gained[id(inner)]
        if gained and id(inner) not in linked:
            read = Instructions(inner)
            replaced = nested.replaced(read) | nested.replaced_at_functions(read)
            linked[id(inner)] = write(inner, Edits(replaced, gained, _linked_inside(inner, nested, write)))
    return linked
