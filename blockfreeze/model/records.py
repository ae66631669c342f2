"""What is recorded of generations and blocks, in groups: who writes each, and in which threads it may be read.

None of these knows a block or a generation, and none of them acts.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, NamedTuple, Protocol

from blockfreeze.core.errors import AbandonedError
from blockfreeze.core.forks import Forks
from blockfreeze.core.hidden import HiddenObjects
from blockfreeze.core.looks import Looks
from blockfreeze.core.main_greenlets import MainGreenlets
from blockfreeze.core.report import Converted, Lingering, Unreached
from blockfreeze.core.starts import Starts
from blockfreeze.core.turns import ShortTurns
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.model.declared import Converter, SupersededClass
from blockfreeze.model.entry import Entry


@dataclass(frozen=True)
class Options:
    """What a block is frozen with, see `freeze_block`: for ever."""

    patchable: bool = False
    inline: bool = False
    history: int = 2
    linger_warning: float | None = 60.0


DEFAULT_OPTIONS = Options()


@dataclass
class ClassTables:
    """The classes of one generation.

    Threads: written by the thread that builds the generation or holds the claim, and by a module that joins; `assigned`
    and `values` also by code that sets class attributes while versions overlap. Who walks through one copies it first.
    """

    named: dict[tuple[str, str], type] = field(default_factory=dict)
    """By module and path: the class that the name means in the generation."""
    values: dict[type, dict[str, Any]] = field(default_factory=dict)
    """The attributes that make the generation's version of a class."""
    of_modules: dict[str, type] = field(default_factory=dict)
    """The classes that its modules have given themselves, by the module's name."""
    of_facades: dict[str, type] = field(default_factory=dict)
    """By which a facade is looked at while its own class comes from the class that another generation's module has."""
    given_outside: set[str] = field(default_factory=set)
    """The modules to which somebody outside has given theirs: the next version's have them too, if it says nothing."""
    copies: dict[type, dict[str, Any]] = field(default_factory=dict)
    """The methods that the generation itself uses, once those that others hold forward."""
    carried: dict[type, tuple[int, frozenset[str]]] = field(default_factory=dict)
    """The classes that were carried over: since which generation, and which attributes it linked anew."""
    held: dict[tuple[type, str], tuple[FunctionType, Entry]] = field(default_factory=dict)
    """The methods whose functions are those of an older generation, which others hold, by class and name."""
    assigned: dict[type, set[str]] = field(default_factory=dict)
    """The attributes that its code has set, where hooks were told."""
    assignable: frozenset[str] = frozenset()
    """The names of the attributes that its code may set without them."""
    patched: dict[type, set[str]] = field(default_factory=dict)
    """The attributes that were patches when its versions of the classes were armed; only in a patchable block."""
    enum_values: dict[tuple[int, str], list[Any]] = field(default_factory=dict)
    """What its bodies have set on members of enumerations: member and value, by the member's id and the attribute."""
    converters: dict[type, Converter] = field(default_factory=dict)
    """How instances of its classes come out of those that older generations made."""
    legacy: list[type] = field(default_factory=list)
    """The classes of instances that stay on its methods after it was left."""
    inhabited: set[type] = field(default_factory=set)
    """Those of them that have had an instance."""
    new_instances: dict[int, object] = field(default_factory=dict)
    """Until it serves: what its calls have made of classes that others have instances of, by id; weakly if possible."""


class WarningNames(NamedTuple):
    """For the members that a generation had: which functions may warn, by their names; see `dispatch.caller_view`."""

    members: Mapping[str, object]
    mentions: Sequence[Mapping[str, tuple[str, ...]]]
    """What the functions of each mention, as linking has found it."""
    found: frozenset[str]
    """The names of those that may."""
    known: frozenset[str]
    """The names of all."""
    entries: dict[Entry, bool]
    """Whether what serves an entry may, as far as that was asked."""


@dataclass
class BuildRecord:
    """What building a generation, and modules that join it later, leave for later swaps.

    Threads: written by the thread that builds the generation, and by modules that join it, in any thread.
    """

    linked: dict[str, LinkedCode] = field(default_factory=dict)
    """By member; a version that comes back is not linked again."""
    imports: list[str] = field(default_factory=list)
    """The modules that the import system is loading into it now."""
    opening: set[str] = field(default_factory=set)
    """The modules that some thread has begun to load, and of which there is no member yet."""
    awaits_pointer: bool = False
    """It is where the release pointer led, and that has to be looked at once more before anybody is let in."""
    introduced: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    """The homes of state that no generation before had, by the home's id and the name."""
    at_fork: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What its bodies have registered to be called at a fork."""
    armed_with: frozenset[str] = frozenset()
    """The members whose functions have copies, since the generation was armed."""
    caches: list[Any] = field(default_factory=list)
    """The caches of `functools` that its modules have at their top levels."""
    overloads: dict[str, Any] = field(default_factory=dict)
    """What its bodies have told `typing` of overloads, by member."""
    hidden_overloads: dict[str, Any] = field(default_factory=dict)
    """By member whose body runs: what `typing` has been told of other generations' overloads."""
    abandoned: bool = False
    """The thread that builds it hangs, or has failed to end in time: nothing may come of it any more."""

    def refuse_if_abandoned(self) -> None:
        """End a thread that goes on after its preparation was abandoned.

        Raises:
            AbandonedError: it was.
        """
        if self.abandoned:
            raise AbandonedError("the preparation was abandoned: it hung")


@dataclass
class DrainRecord:
    """What tells whether anything of one generation may still run.

    Threads: written when the generation is complete and at rest, and by modules that join it.
    """

    codes: list[CodeType] = field(default_factory=list)
    """The code objects of which something may outlive a call."""
    idle_counts: dict[int, int] = field(default_factory=dict)
    """By their ids: their reference counts when nothing of the generation was running."""
    lent: set[int] = field(default_factory=set)
    """The ids of its own functions that closures which outlive it go on with."""
    told_of: Sequence[weakref.ref[FunctionType]] = ()
    """The functions that its bodies have told others of, and that are no entries; known since it was left."""
    retired_at: float | None = None
    """When it was left, by the monotonic clock; None while it serves."""
    warned: bool = False
    """It has been looked whether anything has not ended in the time after which that is told."""


@dataclass
class ReportRecord:
    """What only reports say of one generation. Threads: written by the thread that builds it, or holds the claim."""

    replaced_classes: dict[str, str] = field(default_factory=dict)
    """The classes that could not keep their identity, and why."""
    kept_state: set[str] = field(default_factory=set)
    """The state variables to which a body assigned a value that did not count."""
    sizes: dict[tuple[str, str], int] = field(default_factory=dict)
    """How much was in its containers, objects and classes when its bodies had run, by member and path."""


@dataclass
class ContentsRecord:
    """What the modules and classes of one generation hold, as its bodies have left it: the rest was put in since.

    Threads: written by the thread that builds the generation or holds the claim, and by a module that joins.
    """

    left: dict[int, Any] = field(default_factory=dict)
    """By the ids of containers and objects; see `blockfreeze.identity.contents`."""
    places: dict[tuple[str, str], Any] = field(default_factory=dict)
    """The containers, and the functions of `functools.singledispatch`, by module and path."""
    of_classes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By module and path of a class: its attributes, with the values of those that hold nothing, such as a number."""
    taken: dict[int, dict[tuple[str, str], Any]] = field(default_factory=dict)
    """By the number of another generation: what has been brought over from there, by module and path."""
    joining: dict[str, Any] = field(default_factory=dict)
    """By name of a module that is joining: what others had put in before; see `blockfreeze.state.joining`."""


class PendingConversion(Protocol):
    """A conversion of instances that waits for its block to be at rest; see `blockfreeze.instances.conversion`."""

    def run(self, *, committed: bool) -> None:
        """Convert every instance, or none and raise."""

    def forget_undo(self) -> None:
        """Let go of what taking it back would need."""

    def counted(self) -> tuple[Converted, ...]:
        """Return how many instances of each class were converted."""

    def not_converted(self, lacking: Mapping[str, int]) -> list[Unreached]:
        """Return which instances are as they were, and why."""


@dataclass
class InstanceTables:
    """What a block knows of instances that older generations made. Threads: written by who holds the claim."""

    superseded: list[SupersededClass] = field(default_factory=list)
    """The classes that second classes have taken the place of, as long as they have instances."""
    with_legacy_methods: weakref.WeakSet[type] = field(default_factory=weakref.WeakSet)
    """The classes whose methods run as they did in a generation that was left."""
    unconverted: PendingConversion | None = None
    """What waits for the block to be at rest."""
    rest_due: float = 0.0
    """When a moment of rest is next tried for beside calls of a generation that was left, by the monotonic clock."""
    rest_pause: float = 0.0
    """How long it was waited for that, in seconds."""

    def wait_for_rest(self, pause: float) -> None:
        """Try for no moment of rest beside old calls before so many seconds have passed."""
        self.rest_pause, self.rest_due = pause, time.monotonic() + pause


@dataclass
class SearchRecord:
    """What searches for lingering calls remember. Threads: any thread may search; each list is replaced whole."""

    suspended: Sequence[tuple[weakref.ref[Any], str, str]] = ()
    """What the last search of the heap found suspended, with its kind and its owner."""
    hidden: Sequence[tuple[Callable[[], bool], Lingering]] = ()
    """What it could only conclude from references that nothing explains, and whether they are still there."""
    frozen: HiddenObjects = field(default_factory=HiddenObjects)
    """The registry's, once the block is entered there."""
    mains: MainGreenlets = field(default_factory=MainGreenlets)
    """The registry's, once the block is entered there."""
    greenlets: Sequence[weakref.ref[Any]] = ()
    """The greenlets in which the last search that found any found calls."""
    pins: dict[int, weakref.ref[Any]] = field(default_factory=dict)
    """The holds of pins, by their ids; one that dies takes itself out."""
    following: Sequence[Any] = ()
    """The closures that follow; see `blockfreeze.dispatch.handed_out`. Changed by who holds the claim."""


class Claim:
    """The right to change a block: who has it, and a condition that is notified when it is given back."""

    def __init__(self) -> None:
        # The registry's, once the block is entered there: what shortens other threads' turns while who has the claim
        # works, what lets forks wait for that, and what tells that code of a candidate begins to run.
        self.turns = ShortTurns()
        self.forks = Forks()
        self.starts = Starts()
        self.owner: threading.Thread | None = None
        self.undo: Callable[[], object] | None = None  # undoes, in any thread, what the owner prepares, if it hangs
        self.converging = False  # it is held by the end of an overlap, not by a swap
        # Who has begun something for a service and has not settled it: it keeps that between its claims as well.
        self.unsettled: threading.Thread | None = None
        self.settling = False  # it is about to be settled: the block is being brought to where its pointer leads
        self.renew_lock()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the other threads have their turns soon, and not fork, for the length of a ``with`` statement."""
        with self.forks.at_work(), self.turns():
            yield

    def renew_lock(self) -> None:
        """Forget who holds the lock, in the child of a fork."""
        self.changed = threading.Condition(threading.Lock())


class Locks:
    """The locks of a block, made anew all together in the child of a fork. Taken in the order of the attributes."""

    def __init__(self) -> None:
        self.loading = threading.RLock()  # held while a member joins on behalf of a call
        self.arming = threading.RLock()  # held while functions are copied and made to forward
        self.moving = threading.RLock()  # held while an instance changes its class, or an attribute is disarmed
        self.tables = threading.Lock()  # held while entries and members are put into their tables
        self.looks = Looks()

    def renew_loading(self) -> None:
        """Forget who loads a member: it hangs. Who waits for it looks whether there is another lock."""
        self.loading = threading.RLock()
