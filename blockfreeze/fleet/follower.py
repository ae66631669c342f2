"""A process follows the pointer of its fleet: it prepares what is rolled out, says so, and commits when it is told to.

Two threads. One reads the pointer, waits for changes, and does what they ask for; it may be long at work in a module's
body. The other says again and again how the process is, so that it is not taken for gone, and looks whether the engine
is there. The program waits for neither, and both end with it. A child of a fork has two of its own, and another name.

A process that does not reach the engine serves what it serves. Of which release that is, nobody can tell it meanwhile:
a `Fence` lets it refuse requests after a time.
"""

from __future__ import annotations

import atexit
import logging
import os
import random
import socket
import threading
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from blockfreeze.api import registry
from blockfreeze.api.following import follow_pointer, is_followed
from blockfreeze.control.described import is_complete
from blockfreeze.control.transaction import Transaction
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.fleet.fence import Fence
from blockfreeze.fleet.fetched import Fetched, name_of
from blockfreeze.fleet.names import CONTROLLER, EXPIRY, POLL, is_chosen
from blockfreeze.fleet.store import Message, Pointer, Store, StoreError
from blockfreeze.model.block import Block

_logger = logging.getLogger("blockfreeze")

_LONGEST_WAIT: Final = 10.0
_REFUSALS = (BlockfreezeError, OSError, ValueError, SyntaxError, ImportError)


class Follower:
    """What follows for one block. Threads: any may call `close`, `state` and the fence.

    Args:
        fetched: the releases on this machine.
        releases: directories in which releases may be; see `serve_control`.
        fence: what is told when the engine was last reached with the block where the pointer leads; None without.
        host: by which name this machine is chosen for a canary.
    """

    def __init__(
        self,
        store: Store,
        block: str,
        fetched: Fetched,
        *,
        releases: Iterable[Path] = (),
        fence: Fence | None = None,
        host: str | None = None,
        poll: float = POLL,
        expiry: float = EXPIRY,
    ) -> None:
        self.block = block
        self.host = host or socket.gethostname()
        self._store = store
        self._fetched = fetched
        named = tuple(releases)
        self._roots = (*named, fetched.artifacts) if named else ()
        self._fence = fence
        self._poll = poll
        self._expiry = expiry
        self._known: Pointer | None = None
        self._begin()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            mine = weakref.ref(self)  # the threads hold it for as long as it follows
            os.register_at_fork(after_in_child=lambda: None if (own := mine()) is None else own._renew())

    def _begin(self) -> None:
        self.name = f"{self.host}/{os.getpid()}.{os.urandom(4).hex()}"
        self._process = os.getpid()
        self._ended = threading.Event()
        self._transaction = Transaction(self._fetched.pointer.parent, self._roots)
        self._begun: Message | None = None  # the roll-out whose candidate waits, or is committed
        self._committed = False
        self._beats = 0
        self._asked = 0.0  # when it was last looked whether the controller is there
        self._refused: tuple[str, str] = ("", "")  # what was refused last, by the roll-out or revision, and why
        self._said: Message = {"host": self.host, "pid": os.getpid(), "state": "starting"}
        self._threads = [
            threading.Thread(target=one, name=f"blockfreeze fleet {what}", daemon=True)
            for one, what in ((self._follow, "follower"), (self._beat, "beat"))
        ]
        for one in self._threads:
            one.start()

    def _renew(self) -> None:
        if not self._ended.is_set():
            self._transaction.forget_inherited()
            self._begin()

    @property
    def state(self) -> Message:
        """What the process says of itself. It is replaced whole."""
        return self._said

    def close(self) -> None:
        """End: nothing is followed any more, and the engine is told that this process does not. Waits for seconds."""
        if self._ended.is_set() or self._process != os.getpid():
            return
        self._ended.set()
        atexit.unregister(self.close)
        self._store.close()  # whoever waits there goes on
        if threading.current_thread() not in self._threads:
            self._threads[0].join(1.0)
        with suppress(StoreError):
            self._store.withdraw(self.block, self.name)
        self._store.close()

    def _follow(self) -> None:
        failures = 0
        while not self._ended.is_set():
            try:
                self._look()
                failures = 0
            except StoreError as error:
                failures += 1
                self._say(message=str(error))
                if failures == 1 and not self._ended.is_set():
                    _logger.warning("%s: the fleet's pointer is not seen: %s", self.block, error)
                # All processes of a fleet lose their engine at the same moment: they come back at different ones.
                self._ended.wait(min(_LONGEST_WAIT, 0.1 * 2**failures) * random.uniform(0.5, 1.0))
            except Exception:
                _logger.exception("%s: following the fleet's pointer", self.block)
                self._ended.wait(1.0)
        self._transaction.end()

    def _look(self) -> None:
        found = self._store.read(self.block)
        known = self._known
        if known is not None and (found is None or found.revision < known.revision):
            # The engine has lost what it had said. Whoever has seen more of it gives that back.
            self._store.restore(self.block, known)
            return
        if found is None:
            self._ended.wait(0.2)
            return
        self._known = found
        block = self._own_block()
        if block is None:
            with suppress(*_REFUSALS):
                self._fetched.lead_to(found.value["release"])
        else:
            self._step(block, found)
            self._announce()
            self._touch(block)
        wait = self._poll if block is not None else min(self._poll, 0.2)
        if self._begun is not None:
            wait = min(wait, 1.0)
        self._store.wait(self.block, found.revision, wait)

    def _own_block(self) -> Block | None:
        found = (one for one in registry.all_blocks() if self.block == one.name or self.block in one.roots)
        block = next(found, None)
        return block if block is not None and is_complete(block) else None

    def _step(self, block: Block, pointer: Pointer) -> None:
        """Do what a pointer asks for."""
        rollout, release = pointer.value.get("rollout"), pointer.value["release"]
        if self._begun is not None and (rollout is None or rollout["id"] != self._begun["id"]):
            self._end_rollout(block, release)
        try:
            self._fetched.lead_to(release)
        except _REFUSALS as error:
            self._serve(block, f"revision {pointer.revision}", error)
            return
        if rollout is not None and (self._begun is not None or rollout["id"] != self._refused[0]):
            self._take_part(block, rollout)
        if rollout is not None:
            self._abandon_orphan(rollout)
        if self._begun is None and not is_followed(block) and self._refused[0] != f"revision {pointer.revision}":
            try:
                follow_pointer(block, wait=60.0)
            except _REFUSALS as error:
                self._refused = (f"revision {pointer.revision}", str(error))
                _logger.exception("%s: the pointed release was refused", self.block)
        if self._begun is None and (rollout is None or rollout["id"] != self._refused[0]):
            self._serve(block)

    def _take_part(self, block: Block, rollout: Message) -> None:
        """Prepare what is rolled out, and commit it if this process is chosen."""
        try:
            if self._begun is None:
                self._say(state="preparing", rollout=rollout["id"], message="")
                self._announce()
                place = self._fetched.place_of(rollout["release"])
                request = {"do": "prepare", "block": self.block, "release": str(place), "timeout": rollout["timeout"]}
                request |= {"label": rollout["release"].get("label"), "wait": 10.0}
                reply = self._transaction.prepare(request | rollout.get("prepare", {}))
                self._begun, self._committed = rollout, False
                self._say(state="ready", rollout=rollout["id"], hash=reply["hash"], message="")
            if not self._committed and is_chosen(rollout, self.name, self.host):
                self._commit(rollout)
        except _REFUSALS as error:
            if isinstance(error, StoreError):
                raise
            self._refuse(rollout["id"], error)
            return
        if self._committed:
            self._serve(block, rollout["id"])
            self._ask_how_it_is(rollout)

    def _commit(self, rollout: Message) -> None:
        self._transaction.commit({"do": "commit", "quiesce": rollout.get("quiesce")})
        self._committed = True

    def _refuse(self, rollout: str, error: BaseException) -> None:
        self._begun, self._committed = None, False
        self._refused = (rollout, str(error))
        with suppress(BlockfreezeError):
            self._transaction.back({})
        self._say(state="refused", rollout=rollout, message=f"{type(error).__name__}: {error}")

    def _ask_how_it_is(self, rollout: Message) -> None:
        if rollout.get("health"):
            try:
                shortcoming = self._transaction.health({"block": self.block, "health": rollout["health"]})[
                    "shortcoming"
                ]
            except Exception as error:  # a function of the program
                shortcoming = f"{type(error).__name__}: {error}"
            self._say(shortcoming=str(shortcoming or ""))

    def _abandon_orphan(self, rollout: Message) -> None:
        """Withdraw a roll-out whose controller has said nothing for long; one of the processes is the first to."""
        if time.monotonic() < self._asked + self._poll:
            return
        self._asked = time.monotonic()
        if self._store.is_announced(self.block, CONTROLLER + rollout["id"]):
            return
        found = self._store.read(self.block)
        if found is not None and (found.value.get("rollout") or {}).get("id") == rollout["id"]:
            self._store.change(self.block, found.revision, found.value | {"rollout": None})

    def _end_rollout(self, block: Block, release: Message) -> None:
        """The pointer has moved to what was rolled out, or the roll-out was withdrawn."""
        begun, self._begun = self._begun, None
        assert begun is not None
        flipped = name_of(begun["release"]) == name_of(release)
        try:
            if flipped:
                self._fetched.lead_to(release)  # first: whoever starts now is to come up in it
                if not self._committed:
                    self._commit(begun)
                self._transaction.done({})
            else:
                self._transaction.back({})
        except _REFUSALS as error:
            self._refuse(begun["id"], error)
        self._committed = False

    def _serve(self, block: Block, rollout: str = "", error: BaseException | None = None) -> None:
        current = block.current
        message = "" if error is None else str(error)
        if not rollout and error is None and not is_followed(block):
            message = self._refused[1]
        self._say(
            state="serving",
            rollout=rollout,
            release=current.release,
            label=current.label,
            message=message,
            revision=0 if self._known is None else self._known.revision,
        )

    def _say(self, **said: Any) -> None:
        kept = {key: value for key, value in self._said.items() if key != "shortcoming" or "state" not in said}
        self._said = kept | said

    def _announce(self) -> None:
        self._beats += 1  # by which a controller sees that the record is a new one
        self._store.announce(self.block, self.name, self._said | {"beat": self._beats}, self._expiry)

    def _touch(self, block: Block) -> None:
        if self._fence is not None and (self._begun is not None or is_followed(block)):
            self._fence.touch()

    def _beat(self) -> None:
        every = self._expiry / 3 if self._fence is None else min(self._expiry, self._fence.seconds) / 3
        while not self._ended.wait(every):
            with suppress(StoreError, OSError, ValueError):
                block = self._own_block()
                if block is not None:
                    self._announce()
                    # The other thread may be at work for long in a body: then this one looks where the pointer leads.
                    found = self._store.read(self.block)
                    if found is not None and self._known is not None and found.revision == self._known.revision:
                        self._touch(block)
