"""What a module of a block declares while its body runs: variables, and how instances of its classes are converted."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.versions.outline import Version

Hook = Callable[[Any], Any]
"""What makes one value of a variable out of another."""


@dataclass(frozen=True)
class Converter:
    """How an instance of a class is made one of this version: see `blockfreeze.converts`."""

    version: Version
    hook: Callable[..., object]
    inverse: Callable[..., object] | None
    given: bool = False
    """Whoever swapped has given it: it converts all instances made before, whatever their version is."""


class SupersededClass:
    """A class that a second class has taken the place of, as long as it lives.

    `key` is the place (module and path), `version` and `assigned` what its instances are: the version that they have,
    and the attributes that its methods assign.
    """

    def __init__(self, cls: type, key: tuple[str, str], version: Version, assigned: set[str]) -> None:
        self.reference = weakref.ref(cls)
        self.key = key
        self.version = version
        self.assigned = assigned


class Variable:
    """A variable as one generation declares it: its version, its home, and how it came out of the version before.

    Args:
        own: returns the function of the declaring generation for one that its body has named; see `Generation.own`.

    Threads: written by the thread that builds the generation, and by the one that holds the claim.
    """

    def __init__(self, own: Callable[[Hook], Hook], name: str, version: Version, home: dict[str, Any]) -> None:
        self.own: Callable[[Hook], Hook] | None = own
        self.name = name
        self.version = version
        self.home = home
        self.origin: Version | None = None  # the version that it was migrated from
        self.parent: Variable | None = None  # that variable, as long as it can come back
        self.hook: Hook | None = None
        self.inverse: Hook | None = None
        self.exact: bool | None = None  # whether the inverse gives back what there was; None if it was not tried
        self.tried: Any = ABSENT  # what the hook made for the body, and what that held before the body went on
        self.held: Any = None

    @property
    def value(self) -> Any:
        """The value that the variable has now; `ABSENT` if it has none."""
        return self.home.get(self.name, ABSENT)

    def apply(self, hook: Hook, value: Any) -> Any:
        """Return what a hook of this declaration makes of `value`: the function of its own generation."""
        return (hook if self.own is None else self.own(hook))(value)

    def forget_hooks(self) -> None:
        """Let go of everything but the value, once no kept generation declares the variable."""
        self.parent = self.hook = self.inverse = self.own = None

    @property
    def way_back(self) -> str:
        """What a rollback to the version before has: an ``inverse``, one that is ``inexact``, or ``none``."""
        if self.inverse is None:
            return "none"
        return "inverse" if self.exact else "inexact"
