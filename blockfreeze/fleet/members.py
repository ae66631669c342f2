"""What a controller sees of the processes of a fleet, and its lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from blockfreeze.fleet.names import CONTROLLER, processes_among
from blockfreeze.fleet.store import Message, Store, StoreError

LEASE: Final = 15.0
"""For how long a controller that says nothing keeps what it has begun, in seconds."""

_LOOK: Final = 0.05
"""How often it is looked what the processes say, in seconds, and by how much less often for each of them."""
_LOOK_EACH: Final = 0.0001


class RefusedError(Exception):
    """The roll-out is to be withdrawn; the text says why."""


class Members:
    """The processes that are there, as they have said last: `met`, by their names. Threads: one.

    Args:
        rollout: what the controller rolls out.
        by: who the controller is.
        timeout: for how long a step may take, in seconds.
        pause: waits for so many seconds.
    """

    def __init__(
        self, store: Store, block: str, rollout: str, by: str, timeout: float, pause: Callable[[float], object]
    ) -> None:
        self.met: dict[str, Message] = {}
        self._store = store
        self._block = block
        self._rollout = rollout
        self._by = by
        self._timeout = timeout
        self._pause = pause
        self._renewed = 0.0

    def await_all(
        self,
        arrived: Callable[[Message], bool],
        otherwise: str,
        wanted: Callable[[str, Message], bool] = lambda name, said: True,
    ) -> None:
        """Wait until the processes that are there have arrived.

        One that is gone is left out, as long as it was not at work on what it was asked for: that may have ended it.

        Raises:
            RefusedError: one refuses, is too late, or has gone while it was at work; or all have gone.
        """
        until = time.monotonic() + self._timeout
        busy: set[str] = set()
        while True:
            before = len(self.met)
            try:
                self.look()
            except StoreError as error:
                if time.monotonic() > until:
                    raise RefusedError(str(error)) from error
                self._pause(0.2)
                continue
            self.refuse_gone(busy, otherwise)
            if before and not self.met:
                raise RefusedError("every process has gone")
            busy |= {name for name, said in self.met.items() if wanted(name, said) and self._is_at_work(said)}
            waiting = {name: said for name, said in self.met.items() if wanted(name, said) and not arrived(said)}
            for name, said in waiting.items():
                if said.get("rollout") == self._rollout and said["state"] == "refused":
                    raise RefusedError(f"{name}: {said['message']}")
            if not waiting:
                return
            if time.monotonic() > until:
                raise RefusedError(f"{', '.join(sorted(waiting)[:5])}: {otherwise} within {self._timeout:g} s")
            self._pause(_LOOK + _LOOK_EACH * len(self.met))

    def _is_at_work(self, said: Message) -> bool:
        return bool(said.get("rollout") == self._rollout and said["state"] == "preparing")

    def refuse_gone(self, names: Collection[str], doing: str) -> None:
        """Refuse if one of these processes is not there any more.

        Raises:
            RefusedError: one is not.
        """
        gone = sorted(set(names) - self.met.keys())
        if gone:
            raise RefusedError(f"{', '.join(gone[:5])}: {doing}, and has gone")

    def await_beat(self, names: Collection[str]) -> None:
        """Wait until processes have said something after this moment: they are alive.

        Raises:
            RefusedError: one has not, in time.
        """
        self.look()
        before = {name: self.met[name].get("beat") for name in names if name in self.met}

        def is_silent(name: str, said: Message) -> bool:
            return name in before and said.get("beat") == before[name] and said.get("beat") is not None

        self.refuse_gone(names, "was being watched")
        self.await_all(lambda said: False, "says nothing any more", is_silent)
        self.refuse_gone(names, "was being watched")

    def await_end(self, arrived: Callable[[Message], bool]) -> None:
        """Wait until all have arrived, or the time is over; the engine may be away for some of it."""
        until = time.monotonic() + self._timeout
        while True:
            try:
                self.look()
                if all(map(arrived, self.met.values())) or time.monotonic() > until:
                    return
            except StoreError:
                if time.monotonic() > until:
                    raise
            self._pause(_LOOK + _LOOK_EACH * len(self.met))

    def look(self) -> None:
        """See who is there. A process that says nothing any more is gone, or cut off."""
        self.renew()
        self.met = processes_among(self._store.announced(self._block))

    def renew(self) -> None:
        """Have the lease go on, if it is time for that."""
        if time.monotonic() - self._renewed > LEASE / 3 or not self._renewed:
            self._store.announce(self._block, CONTROLLER + self._rollout, {"by": self._by}, LEASE)
            self._renewed = time.monotonic()

    def leave(self) -> None:
        """Give the lease back."""
        with suppress(StoreError):  # it expires
            self._store.withdraw(self._block, CONTROLLER + self._rollout)
