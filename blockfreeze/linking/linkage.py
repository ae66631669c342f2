"""What is known of a module's names before it is linked: plain values, which `blockfreeze.linking.analysis` finds."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Reason(enum.Enum):
    """Why a definition is not bound statically: the closed list that `check` and `status` speak of."""

    DELETED = "deleted at the top level"
    REBOUND = "rebound with 'global' in a function"
    GLOBALS_WRITTEN = "written through globals()"
    IMPORTED_LAZILY = "imported lazily as well: it is looked up by name, which imports it"
    CODE_ASSIGNED = "its module gives functions the code of others, which must have as many free variables"
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
    inspecting: frozenset[str] = frozenset()
    """The functions that are not linked because they inspect their local variables, by their qualified names."""
    recoded: frozenset[str] = frozenset()
    """The functions that are not linked because their module assigns to ``__code__``, by their qualified names."""
    member_imports: frozenset[str] = frozenset()
    """The imported modules that belong to the block, as the statements name them."""
    mentions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the name of each function and class inside: the names in its code, and ``stacklevel`` if a call passes it."""
    moved: frozenset[str] = frozenset()
    """The state names whose home is not the module's, but that of another version of the variable."""
    lazy: frozenset[str] = frozenset()
    """The names that the top level imports lazily, or may: it can depend on what the process and the module ask for."""
    at_import: frozenset[str] = frozenset()
    """The functions that the top level calls by their names. It may pass them classes that it has made."""
    class_methods: frozenset[str] = frozenset()
    """The functions that class bodies make class methods, by their qualified names: the first argument is a class."""
    inlined: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The functions that stand in their callers, with the callers' qualified names and how often; see `inlining`."""
    not_inlined: Mapping[str, str] = field(default_factory=dict)
    """Those of which that was asked and could not be, and why."""

    def is_no_definition(self, name: str) -> bool:
        """Tell whether no statement of the module defines `name`, so that it may mean the built-in."""
        return name not in self.bound and name not in self.unbound

    def state_used_beside(self, name: str) -> tuple[str, ...]:
        """Return the state that keeps its value while `name` starts afresh, and that a function uses together with it.

        A count that keeps its value may no longer fit the table that it counts. Functions are told apart by name.
        """
        users = [set(names) for names in self.mentions.values() if name in names]
        return tuple(sorted(self.state.intersection(*[set().union(*users)])))

    @property
    def reasons(self) -> dict[str, Reason]:
        """Every definition that is not linked, sorted by name, and why."""
        found = dict.fromkeys(self.recoded, Reason.CODE_ASSIGNED)
        found |= dict.fromkeys(self.inspecting, Reason.LOCALS_INSPECTED) | self.unbound
        return dict(sorted(found.items()))
