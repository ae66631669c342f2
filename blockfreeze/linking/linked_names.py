"""What the names of one module mean to its linked code: which reach a cell, and which are state that has a home."""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType

from blockfreeze.linking import cpython
from blockfreeze.linking.analysis import walk_codes
from blockfreeze.linking.hook_table import HOME, home_variable
from blockfreeze.linking.linkage import Linkage


@dataclass(frozen=True)
class LinkedNames:
    """The names of a module: `cells` has the free variable of each bound name, `has_home` is as in `link`."""

    linkage: Linkage
    has_home: bool
    cells: dict[str, str]

    @classmethod
    def of(cls, code: CodeType, linkage: Linkage, *, has_home: bool) -> LinkedNames:
        """Choose the free variables of the bound names of a module."""
        taken: set[str] = set()
        for one in walk_codes(code):
            taken.update(one.co_varnames, one.co_cellvars, one.co_freevars)
        # A function that declares `global bar` may sit inside one that has a local `bar`: keep the two apart.
        return cls(linkage, has_home, {name: f".{name}" if name in taken else name for name in linkage.bound})

    def of_interest(self) -> frozenset[str]:
        """Return the names whose uses in functions may be linked."""
        return self.linkage.state.union(self.cells) if self.has_home else frozenset(self.cells)

    def home_of(self, name: str) -> str:
        """Return the free variable that holds the home of a state name."""
        return home_variable(name) if name in self.linkage.moved else HOME

    def is_shared(self, name: str) -> bool:
        """Tell whether `name` is state that lives in a home, which generations share."""
        return self.has_home and name in self.linkage.state

    def reaches_cell(self, name: str, *, called: bool, follower: str) -> bool:
        """Tell whether a use of `name` in a function means the content of its cell.

        A call does, and so do the look-up of an attribute and every use of a class. What is left is a function's value.

        Args:
            follower: the name of the instruction after the one that loads `name`.
        """
        definition = self.linkage.bound.get(name)
        if definition is None:
            return False
        return called or definition.kind == "class" or follower in cpython.ATTRIBUTE_USES

    def reaches_cell_from_class(self, name: str, follower: str) -> bool:
        """Tell the same of a use in the body of a class."""
        # The instruction looks into the class's namespace first, under the name of the variable.
        return self.cells.get(name) == name and self.reaches_cell(name, called=False, follower=follower)
