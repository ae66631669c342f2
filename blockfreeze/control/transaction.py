"""What one session does with one block: a candidate waits, or a commit may still be taken back, until all is done.

The release pointer is the truth: a session that ends in between, since its controller was killed, discards its
candidate, and brings the block to where the pointer leads. Until all is done, or that has been done, no other session
begins anything with the block, and none follows the pointer, which leads back to the version before.

Threads: everything here runs in the session's work thread, to which the candidate belongs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from blockfreeze.api import functions, registry
from blockfreeze.api.following import follow_pointer
from blockfreeze.control import requests
from blockfreeze.control.described import described, is_complete
from blockfreeze.control.frames import Message
from blockfreeze.control.named import in_candidate, in_service
from blockfreeze.control.others import tell_others
from blockfreeze.control.roots import roots_for
from blockfreeze.core.errors import BlockfreezeError, ControlError
from blockfreeze.core.report import SwapReport
from blockfreeze.draining.leaving import AskToLeave, Leaving
from blockfreeze.model.block import Block
from blockfreeze.releases.version import Version
from blockfreeze.swapping import rollback as rolling_back
from blockfreeze.swapping.abandoning import abandon
from blockfreeze.swapping.candidate import Candidate, call_inside
from blockfreeze.swapping.claim import begin_for_service, end_for_service
from blockfreeze.swapping.prepare import prepare
from blockfreeze.swapping.probation import Probation
from blockfreeze.swapping.verdicts import refuse_incompatible, run_check

_logger = logging.getLogger("blockfreeze")

LONGEST: Final = 3600.0
"""The longest time that a request may ask for, in seconds."""


class Transaction:
    """What was begun with a block: `candidate` waits; `back_to` is where a commit leads back that is not done yet."""

    def __init__(self, directory: Path, roots: tuple[Path, ...]) -> None:
        self._directory = directory
        self._roots = roots
        self._block: Block | None = None
        self._candidate: Candidate | None = None
        self._back_to: int | None = None
        self._committed = 0  # the generation that serves since a commit that is not done yet

    @property
    def is_open(self) -> bool:
        """Whether the controller has begun something and has not said that all is done."""
        return self._block is not None

    def prepare(self, request: Message) -> Message:
        """Prepare and check a candidate of a release.

        Raises:
            ControlError: the request is not right, or something was begun already.
            SwapError: the version was refused; nothing has changed.
        """
        wait = requests.seconds(request, "wait", 0.0, LONGEST)
        with self._begun(request, wait) as block:
            version = Version(
                release=requests.text(request, "release"),
                label=requests.optional_text(request, "label") or "",
                expect_hash=requests.optional_text(request, "expect_hash"),
                within=roots_for(block, self._roots),
            )
            candidate = prepare(block, version, wait)
            try:
                self._judge(block, candidate, request)
            except BaseException:
                candidate.discard()
                raise
            self._candidate = candidate
        return {
            "generation": candidate.generation,
            "label": candidate.label,
            "hash": candidate.source_hash,
            "differences": _said(candidate.differences()),
        }

    @staticmethod
    def _judge(block: Block, candidate: Candidate, request: Message) -> None:
        if requests.flag(request, "strict"):
            refuse_incompatible(block, candidate)
        warm_up, check = requests.optional_text(request, "warm_up"), requests.optional_text(request, "check")
        if warm_up is not None:
            call_inside(candidate, in_candidate(block, candidate, warm_up), candidate)
        if check is not None:
            run_check(block, candidate, in_candidate(block, candidate, check))

    def abandon(self, thread: threading.Thread, why: str) -> bool:
        """Give up a preparation that hangs in `thread`, the session's work thread; tell whether that was possible."""
        block = self._block
        if block is None or self._back_to is not None or not abandon(block, thread, why):
            return False
        self._candidate = self._block = None
        return True

    def commit(self, request: Message) -> Message:
        """Commit the candidate. It can be taken back until the controller says that all is done.

        Raises:
            ControlError: no candidate waits.
            SwapError: the version was refused; what served serves.
        """
        if self._candidate is None or self._block is None:
            raise ControlError("there is no candidate to commit; prepare one")
        quiesce = requests.optional_seconds(request, "quiesce", LONGEST)
        candidate, self._candidate = self._candidate, None
        before = self._block.current.number
        with _ended_if_refused(self._block):
            report = candidate.commit(quiesce=quiesce)
        self._back_to, self._committed = before, report.to_generation
        return {"report": report.to_json(), "summary": str(report)}

    def discard(self, _: Message) -> Message:
        """Discard the candidate, if one waits."""
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.discard()
        return {}

    def back(self, request: Message) -> Message:
        """Take back what this session has committed, or discard what waits; then all is done.

        Raises:
            SwapError: there is no way back; the new version serves.
        """
        self.discard(request)
        if self._back_to is not None and self._block is not None:
            # Only what this session has committed: the program itself may have swapped meanwhile.
            reason = "it was not committed in every process"
            rolling_back.rollback(self._block, self._back_to, True, reason=reason, leaving=self._committed)
        return self.done(request)

    def done(self, request: Message) -> Message:
        """End what was begun: what was committed stays. Those who linger are asked to leave, if that is wanted."""
        asked = _asked_to_leave(request)
        if asked is not None and self._block is not None:
            Leaving(self._block, asked).ask()
        self.discard(request)
        block, self._back_to, self._block = self._block, None, None
        if block is not None:
            end_for_service(block)
        return {}

    def rollback(self, request: Message) -> Message:
        """Return to a generation that is kept; it can be taken back, as a commit can.

        Raises:
            SwapError: it is not kept, or there is no way back; what served serves.
        """
        wait = _patience(request)
        lossy, quiesce = requests.flag(request, "lossy"), requests.optional_seconds(request, "quiesce", LONGEST)
        to = requests.optional_text(request, "to")
        with self._begun(request, wait) as block:
            before, number = block.current.number, None if to is None else _kept(block, to)
            report = rolling_back.rollback(block, number, wait, seconds=quiesce, lossy=lossy, reason="")
        self._back_to, self._committed = before, report.to_generation
        return {"report": report.to_json(), "summary": str(report)}

    def follow(self, request: Message) -> Message:
        """Bring the block to where its pointer leads, if it is the pointer that the request names.

        One whose first body still runs looks at the pointer itself when that has ended.

        Raises:
            ControlError: there is no such block here, or it has another pointer.
            SwapError: it could not be brought there.
        """
        block, pointer = _block_in(request), requests.text(request, "pointer")
        if block.pointer != pointer:
            raise ControlError(f"{block.name}: its pointer is not {pointer!r}; it was left as it is")
        if not is_complete(block):
            raise ControlError(f"{block.name}: it is being imported, and follows the pointer then")
        try:
            return {"changed": follow_pointer(block, _patience(request)) is not None, "block": described(block)}
        except (BlockfreezeError, OSError, ValueError) as error:
            raise ControlError(f"{block.name}: it does not follow the pointer: {error}", concerned=True) from error

    def health(self, request: Message) -> Message:
        """Ask a function of the block how it is; a shortcoming is said in words."""
        block, place = _block_in(request), requests.text(request, "health")
        return {"shortcoming": Probation(0.0, health=in_service(block, place)).shortcoming()}

    def drain(self, request: Message) -> Message:
        """Wait until nothing runs in a retired generation any more, and ask who lingers to leave, if that is wanted.

        Raises:
            DrainTimeoutError: something still does.
        """
        timeout = requests.seconds(request, "seconds", 0.0, LONGEST)
        functions.drain(_block_in(request), timeout=timeout, ask_to_leave=_asked_to_leave(request))
        return {}

    def end(self) -> None:
        """End without a word from the controller: discard what waits, and go where the pointer leads."""
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            with suppress(BlockfreezeError):
                candidate.discard()
        block, self._block = self._block, None
        if block is None:
            return
        try:
            follow_pointer(block)
        except (BlockfreezeError, OSError, ValueError):
            _logger.exception("%s: it was left where the controller has left it", block.name)
        finally:
            end_for_service(block)
        if block.pointer is not None:
            # The controller may have died after it moved the pointer, and before it told those who had just started.
            tell_others(self._directory, {"do": "follow", "block": block.name, "pointer": block.pointer})

    def forget_inherited(self) -> None:
        """In the child of a fork, which has neither the session nor its controller: discard the candidate."""
        candidate, self._candidate, self._back_to, self._block = self._candidate, None, None, None
        if candidate is not None:
            with suppress(BlockfreezeError):
                candidate.discard()

    @contextmanager
    def _begun(self, request: Message, wait: float) -> Iterator[Block]:
        if self.is_open:
            raise ControlError("something was begun with a block in this session; commit, discard or end it first")
        self._block = block = _block_in(request)
        with _ended_if_refused(block):
            begin_for_service(block, wait, _patience(request), str(request["do"]))
            yield block


@contextmanager
def _ended_if_refused(block: Block) -> Iterator[None]:
    """Let others begin something if this comes to nothing: there is nothing to commit or to take back then."""
    try:
        yield
    except BaseException:
        end_for_service(block)
        raise


def _said(found: SwapReport) -> dict[str, list[str]]:
    kinds = ("added", "removed", "changed", "incompatible", "afresh", "replaced_classes", "done_again")
    return {kind: list(map(str, getattr(found, kind))) for kind in kinds}


def _asked_to_leave(request: Message) -> AskToLeave | None:
    """Return what those who linger are asked; None if nothing."""
    code, cancel = requests.optional_code(request, "close_code"), requests.flag(request, "cancel_tasks")
    return AskToLeave(code, cancel) if code is not None or cancel else None


def _patience(request: Message) -> float:
    """Return for how long to wait for others, in seconds: who hangs is to be named in the time of the request."""
    return 0.9 * requests.seconds(request, "timeout", 60.0, LONGEST)


def _block_in(request: Message) -> Block:
    name = requests.text(request, "block")
    block = next((one for one in registry.all_blocks() if name == one.name or name in one.roots), None)
    if block is None:
        raise ControlError(f"{name}: there is no such block in this process; see `blockfreeze status`")
    return block


def _kept(block: Block, release: str) -> int:
    """Return the newest generation that is kept of a release."""
    current = block.current
    kept = {one.release: one.number for _, one in sorted(block.generations.items()) if one is not current}
    if release not in kept:
        raise ControlError(f"{block.name}: no generation of {release!r} is kept; swap to that release instead")
    return kept[release]
