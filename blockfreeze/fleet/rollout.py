"""A roll-out: every process of the fleet prepares a release and says so, some commit, then the pointer flips.

1. *Announce.* The pointer names the release as a roll-out, by compare-and-set: of two controllers one is told that the
   other has it. Every process prepares and checks it. If one refuses, or says nothing in time, the roll-out is
   withdrawn: nothing has changed.
2. *Stages*, if there are any: hosts, a number or a share of the processes commit, and are watched. If one falls short,
   the roll-out is withdrawn, and those that have committed go back.
3. *Flip.* The pointer leads to the release. Whoever has prepared it commits, and whoever starts comes up in it. From
   here on nothing is taken back: a process that was cut off follows when it is back.

A controller holds a lease by announcing itself. Where it dies, the processes withdraw what it had begun. An answer that
got lost is no matter: each change of the pointer carries a stamp, by which the controller finds that it was made.
"""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from blockfreeze.coordination.outcome import Fate
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.changes import change_pointer
from blockfreeze.fleet.fetched import name_of, reference
from blockfreeze.fleet.members import Members, RefusedError
from blockfreeze.fleet.names import CONTROLLER, ENDS, draw, is_chosen, now
from blockfreeze.fleet.outcome import FleetOutcome, Member
from blockfreeze.fleet.plan import FleetPlan, Stage
from blockfreeze.fleet.store import Message, Pointer, Store, StoreError

KEPT: Final = 20
"""How many releases that were pointed at before are kept in the pointer."""


class Rollout:
    """One roll-out or rollback. Threads: one.

    Args:
        say: is told what is being done.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        store: Store,
        plan: FleetPlan,
        say: Callable[[str], object] = lambda text: None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._plan = plan
        self._say = say
        self._pause = pause
        self._id = os.urandom(8).hex()
        self._by = f"{getpass.getuser()}@{socket.gethostname()}"
        self._began = time.monotonic()
        self._members = Members(store, plan.block, self._id, self._by, plan.timeout, pause)
        self._release: Message = {}
        self._before: Pointer | None = None
        self._stages: list[int] = []
        self._refusals: dict[str, str] = {}
        self._committed: set[str] = set()

    def swap(self, release: Path) -> FleetOutcome:
        """Roll a release out, and return what became of each process.

        Raises:
            ControlError: another controller is at it, or the engine cannot be reached; nothing has changed.
        """
        self._release = reference(self._store, release, self._plan.label)
        self._before = self._store.read(self._plan.block)
        if self._before is None:  # nobody can follow what was never there
            self._flip(mine=False)
            return self._ended("swap")
        self._members.renew()
        try:
            self._begin()
            try:
                self._prepare()
                for stage in self._plan.stages:
                    self._commit(stage)
                self._flip(mine=True)
            except (RefusedError, KeyboardInterrupt) as error:
                return self._withdrawn(str(error) or "it was interrupted")
        finally:
            self._members.leave()
        return self._ended("swap")

    def rollback(self, to: Path | None = None) -> FleetOutcome:
        """Lead the pointer back at once, to the release before if none is named, and return what became of each one.

        Raises:
            ControlError: there is none, another controller is at it, or the engine cannot be reached.
        """
        self._before = self._store.read(self._plan.block)
        if self._before is None:
            raise ControlError(f"{self._plan.block}: the fleet has no pointer for it; nothing was rolled out yet")
        previous = self._before.value["previous"]
        if to is None and not previous:
            raise ControlError(f"{self._plan.block}: the pointer has led nowhere else; say --to")
        self._release = previous[0] if to is None else reference(self._store, to, self._plan.label)
        self._flip(mine=False)
        return self._ended("rollback")

    def _begin(self) -> None:
        rollout: Message = {
            "id": self._id,
            "by": self._by,
            "release": self._release,
            "prepare": {key: value for key, value in self._plan.prepare.items() if value},
            "quiesce": self._plan.quiesce,
            "timeout": self._plan.timeout,
            "health": self._plan.health,
            "below": 0,
            "hosts": [],
        }
        self._say("announce the release")

        def add(value: Message) -> Message:
            self._refuse_other(value)
            return value | {"rollout": rollout}

        self._change(add)

    def _refuse_other(self, value: Message) -> None:
        other = value.get("rollout")
        if other is not None and self._store.is_announced(self._plan.block, CONTROLLER + other["id"]):
            raise ControlError(f"{self._plan.block}: {other['by']} is rolling something out; wait until that is done")

    def _change(self, change: Callable[[Message], Message], *, mine: bool = False) -> Message:
        rollout = self._id if mine else None
        seconds = max(self._plan.timeout, 10.0)
        return change_pointer(
            self._store, self._plan.block, change, seconds=seconds, pause=self._pause, rollout=rollout
        )

    def _prepare(self) -> None:
        def ready(said: Message) -> bool:
            return bool(said.get("rollout") == self._id and said["state"] == "ready")

        self._say("every process prepares it")
        self._members.await_all(ready, "has not prepared it")
        if len({said.get("hash") for said in self._members.met.values()}) > 1:
            raise RefusedError("the release has not the same sources on all machines; give all of them the same")

    def _commit(self, stage: Stage) -> None:
        """Let a stage commit, and watch it."""
        met = self._members.met
        draws = sorted(draw(self._id, name) for name in met)
        count = 0 if stage.count is None else stage.count(len(met))
        below = 0 if count <= 0 else (draws[count] if count < len(draws) else ENDS)

        def choose(value: Message) -> Message:
            rollout = value["rollout"]
            hosts = sorted({*rollout["hosts"], *([stage.host] if stage.host else [])})
            return value | {"rollout": rollout | {"hosts": hosts, "below": max(below, rollout["below"])}}

        self._say(f"stage {stage.written}: commit, and watch for {self._plan.probation:g} s")
        rollout = self._change(choose, mine=True)["rollout"]

        def is_meant(name: str, said: Message) -> bool:
            return is_chosen(rollout, name, said["host"])

        def serves(said: Message) -> bool:
            return bool(said.get("rollout") == self._id and said["state"] == "serving")

        self._members.await_all(serves, "has not committed it", is_meant)
        self._committed = {name for name, said in self._members.met.items() if is_meant(name, said)}
        self._stages.append(len(self._committed))
        if not self._committed:
            raise RefusedError(f"stage {stage.written}: no process is meant by it")
        until = time.monotonic() + self._plan.probation
        while time.monotonic() < until:
            self._members.await_all(serves, "does not serve it any more", is_meant)
            self._members.refuse_gone(self._committed, "was being watched")
            for name, said in self._members.met.items():
                if said.get("shortcoming"):
                    raise RefusedError(f"stage {stage.written} fell short: {name}: {said['shortcoming']}")
            self._pause(min(0.25, max(0.0, until - time.monotonic())))
        self._members.await_beat(self._committed)

    def _flip(self, *, mine: bool) -> None:
        release = self._release

        def flip(value: Message) -> Message:
            if not mine:
                self._refuse_other(value)
            before = value.get("release")
            previous = ([] if before is None else [before]) + value["previous"]
            others = {name_of(one): one for one in reversed(previous) if name_of(one) != name_of(release)}
            return {"release": release, "previous": list(reversed(others.values()))[:KEPT], "rollout": None}

        self._say("the pointer flips")
        self._change(flip, mine=mine)

    def _withdrawn(self, why: str) -> FleetOutcome:
        """Withdraw the roll-out, and wait until those that have committed are back."""
        for name, said in self._members.met.items():
            if said["state"] == "refused" and said.get("rollout") == self._id:
                self._refusals[name] = str(said["message"])
        self._say("withdraw it")
        with suppress(RefusedError):  # somebody else has
            self._change(lambda value: value | {"rollout": None}, mine=True)

        def is_back(said: Message) -> bool:
            return bool(said["state"] == "serving" and said.get("rollout") != self._id)

        try:
            self._members.await_end(is_back)
        except StoreError as error:
            why = f"{why}; {error}"
        return self._told("swap", why, is_back, moved=False)

    def _ended(self, what: str) -> FleetOutcome:
        """Wait until all serve what is pointed at now."""
        revision, why = 0, ""

        def is_there(said: Message) -> bool:
            return bool(said["state"] == "serving" and said["revision"] >= revision and not said["message"])

        try:
            found = self._store.read(self._plan.block)
            revision = 0 if found is None else found.revision
            self._members.await_end(is_there)
        except StoreError as error:
            why = f"the pointer has moved; how the processes are is not known: {error}"
        return self._told(what, why, is_there, moved=True)

    def _told(self, what: str, why: str, arrived: Callable[[Message], bool], *, moved: bool) -> FleetOutcome:
        members = []
        for name, said in sorted(self._members.met.items()):
            message = self._refusals.get(name, str(said.get("message", "")))
            if arrived(said):
                returned = Fate.REFUSED if name in self._refusals else Fate.UNCHANGED
                fate = Fate.COMMITTED if moved else Fate.RETURNED if name in self._committed else returned
            else:
                fate = Fate.SILENT if said["state"] == "preparing" or not message else Fate.STRAYED
            where = (name, said["host"], said["pid"], fate)
            members.append(Member(*where, str(said.get("release", "")), str(said.get("label", "")), message))
        seconds = time.monotonic() - self._began
        told = (moved, tuple(members), why, seconds, tuple(self._stages))
        outcome = FleetOutcome(what, self._plan.block, str(self._release.get("label", "")), *told)
        entry = {
            "at": now(),
            "by": self._by,
            "what": what,
            "from": None if self._before is None else self._before.value["release"],
            "to": self._release,
            "outcome": "done" if outcome.done else why or "not done everywhere",
            "processes": len(members),
            "seconds": round(seconds, 3),
        }
        with suppress(StoreError):  # the pointer says what is meant; the trail is for people
            self._store.note(self._plan.block, entry)
        return outcome
