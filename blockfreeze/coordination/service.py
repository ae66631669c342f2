"""A swap or rollback of a whole service: all processes prepare and check, then all commit, then the pointer moves.

1. *Prepare* everywhere. If one refuses, all discard: nothing has changed. One that dies is left out: whatever is
   started in its place comes up in the pointed release.
2. *Commit* everywhere; the canaries first, which are watched before the others follow. If one refuses, or says nothing,
   those that have committed go back.
3. *The pointer moves*, by one atomic step.
4. *Processes that have started meanwhile* are looked for, until there are no more, and brought where the pointer leads.
   Then all are told that it is done.

The pointer is the truth. A process whose controller dies before that, at whatever moment, goes where the pointer leads
by itself, and tells the others to do the same; so does one that wakes up after it was given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from blockfreeze.control.frames import Message
from blockfreeze.coordination.outcome import Fate, ProcessOutcome, ServiceOutcome, unreached_in
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.process_link import Link
from blockfreeze.coordination.processes import Processes, ask_all, told_by
from blockfreeze.core.errors import ControlError
from blockfreeze.releases.pointer import point

_LOOK: Final = 0.05
"""How often it is looked for processes while there are none, in seconds."""

_TRIES: Final = 5
"""How often in succession all processes may die before it is given up."""

_ROUNDS: Final = 50
"""How often it is looked for processes that have started meanwhile."""


class Service:
    """The processes that serve a block, for one swap or rollback.

    Args:
        processes: where they are found.
        plan: what is to be done.
        say: is told what is being done.
        move: moves the pointer.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        processes: Processes,
        plan: Plan,
        say: Callable[[str], object] = lambda text: None,
        move: Callable[[str, str], object] = point,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.plan = plan
        self.links: dict[Link, Message] = {}  # the processes that take part, each with what it said of the block
        self.pointer = plan.pointer or ""
        self._processes = processes
        self._say = say
        self._move = move
        self._pause = pause
        self._began = time.monotonic()
        self._outcomes: dict[int, ProcessOutcome] = {}
        self._others: list[Link] = []
        self._starting: list[Link] = []  # those whose first bodies ran when they were found
        self._differences: dict[str, list[str]] = {}  # of the candidate, as one process has said
        self._unreached: tuple[str, ...] = ()
        self._release = str(plan.prepare.get("release", ""))

    def join(self) -> None:
        """Find the processes that have the block, and wait for one if all are being started.

        Raises:
            ControlError: there are none, they do not have one pointer, or one says nothing. No link is left open.
        """
        try:
            self._join()
        except ControlError:
            self._leave()
            raise

    def _join(self) -> None:
        self._look_for_processes()
        for _ in range(round(self.plan.wait / _LOOK)):
            if self.links:
                break
            self._say("wait for a process that serves the block")
            self._pause(_LOOK)
            self._look_for_processes()
        pointers = {told["pointer"] for told in self.links.values()}
        if not self.links:
            raise ControlError(
                f"{self.plan.block}: no process with a control socket {'has' if not self._starting else 'serves'} this "
                "block; start the service with `blockfreeze run`, or call blockfreeze.serve_control() in it"
            )
        if len(pointers) > 1:
            names = ", ".join(sorted(pointer or "none" for pointer in pointers))
            raise ControlError(f"{self.plan.block}: there are services with several pointers ({names}); say --pointer")
        self.pointer = pointers.pop()

    def _look_for_processes(self) -> None:
        """Look at processes that were not there before, and again at those that were starting."""
        fresh, self._starting = [*self._processes.find(), *self._starting], []
        found = told_by(fresh, self.plan.block)
        silent = [str(link.pid) for link, reply in found.items() if not reply.get("ok")]
        if silent:
            self._others += fresh
            raise ControlError(f"process {', '.join(silent)}: it does not answer; let it go on or end it; try again")
        for link, reply in found.items():
            told = next(iter(reply["blocks"]), None)
            if told is not None and told["state"] == "starting":
                self._starting.append(link)
            elif told is None or self.plan.pointer not in (None, told["pointer"]):
                self._others.append(link)
            else:
                self.links[link] = told

    def swap(self) -> ServiceOutcome:
        """Swap in all processes, or in none, and return what became of each."""
        return self._tried("swap", self._swap)

    def _tried(self, what: str, once: Callable[[], ServiceOutcome | None]) -> ServiceOutcome:
        """Try; if every process has died before anything was done, try again with those that are started instead.

        Raises:
            ControlError: none is; nothing has changed.
        """
        for _ in range(_TRIES):
            outcome = once()
            if outcome is not None:
                return outcome
            self.links.clear()
            self.join()
        return self._ended(what, f"every process has died meanwhile, {_TRIES} times in succession")

    def _swap(self) -> ServiceOutcome | None:
        request = self._about({"do": "prepare", **self.plan.prepare})
        self._say(f"prepare in {len(self.links)} processes")
        prepared = self._ask(self.links, request)
        refusals = [reply for reply in prepared.values() if not reply.get("ok") and not self._has_died(reply)]
        ready = [link for link, reply in prepared.items() if reply.get("ok")]
        self._differences = next((prepared[link].get("differences", {}) for link in ready), {})
        if refusals:
            self._take_back(ready, Fate.UNCHANGED)
            return self._ended("swap", refusals[0]["message"])
        return self._commit(ready) if ready else None

    def rollback(self, release: str, kept: Iterable[Link]) -> ServiceOutcome:
        """Return to a release in all processes, or in none: by a rollback where it is kept, else by a swap."""
        keeping, self._release = list(kept), release

        def once() -> ServiceOutcome | None:
            return self._rollback(release, [link for link in keeping if link in self.links])

        return self._tried("rollback", once)

    def _rollback(self, release: str, kept: list[Link]) -> ServiceOutcome | None:
        others = [link for link in self.links if link not in kept]
        prepared = self._ask(others, self._about({"do": "prepare", "release": release}))
        ready = [link for link, reply in prepared.items() if reply.get("ok")]
        refusals = [reply for reply in prepared.values() if not reply.get("ok") and not self._has_died(reply)]
        if refusals:
            self._take_back(ready, Fate.UNCHANGED)
            return self._ended("rollback", refusals[0]["message"])
        to = {"do": "rollback", "to": release or None, "lossy": self.plan.lossy, "quiesce": self.plan.quiesce}
        replies = self._ask(kept, self._about(to)) | self._ask(ready, {"do": "commit", "quiesce": self.plan.quiesce})
        return self._conclude("rollback", replies)

    def _commit(self, ready: list[Link]) -> ServiceOutcome | None:
        request = {"do": "commit", "quiesce": self.plan.quiesce}
        first = ready[: min(len(ready), self.plan.canaries(len(ready)))]
        replies: dict[Link, Message] = {}
        if first:
            self._say(f"commit in {len(first)} of {len(ready)} processes, and watch for {self.plan.probation:g} s")
            replies = self._ask(first, request)
            bad = [(link.pid, reply["message"]) for link, reply in replies.items() if not reply.get("ok")]
            why = "process {}: {}".format(*bad[0]) if bad else self._watch(first)
            if why:
                self._take_back([link for link, reply in replies.items() if reply.get("ok")], Fate.RETURNED)
                self._take_back([link for link in ready if link not in first], Fate.UNCHANGED)
                return self._ended("swap", f"the canary fell short: {why}")
        rest = [link for link in ready if link not in first]
        self._say(f"commit in {len(rest)} processes")
        return self._conclude("swap", replies | self._ask(rest, request))

    def _watch(self, canaries: list[Link]) -> str:
        """Watch processes that have committed; return what is wrong, or an empty text when the time is over."""
        until = time.monotonic() + self.plan.probation
        request = (
            {"do": "renew"} if self.plan.health is None else self._about({"do": "health", "health": self.plan.health})
        )
        while True:
            for link, reply in ask_all(canaries, request, self.plan.timeout).items():
                if not reply.get("ok") or reply.get("shortcoming"):
                    return f"process {link.pid}: {reply.get('shortcoming') or reply.get('message')}"
            left = until - time.monotonic()
            if left <= 0:
                return ""
            self._pause(min(self.plan.every, left))

    def _conclude(self, what: str, replies: dict[Link, Message]) -> ServiceOutcome | None:
        """Move the pointer if all have committed, and bring those there that have started; otherwise take all back.

        Returns:
            what became of them; None if all have died.
        """
        committed = [link for link, reply in replies.items() if reply.get("ok")]
        failed = [reply for reply in replies.values() if not reply.get("ok") and not self._has_died(reply)]
        self._unreached = tuple(dict.fromkeys(one for link in committed for one in unreached_in(replies[link])))
        if failed:
            self._take_back(committed, Fate.RETURNED)
            return self._ended(what, failed[0]["message"])
        if not committed:
            return None
        if self.pointer:
            try:
                self._say("move the pointer")
                self._move(self.pointer, self._release)
            except (OSError, ValueError) as error:
                self._take_back(committed, Fate.RETURNED)
                return self._ended(what, f"the pointer {self.pointer!r} cannot be moved: {error}")
        # Before all is done: if the controller dies here, those who wait for it tell the ones who have started.
        self._bring_those_who_started()
        for link, reply in ask_all(committed, {"do": "done", **self.plan.leaving}, self.plan.timeout).items():
            self._note(link, reply, Fate.COMMITTED)
        return self._ended(what, "", moved=bool(self.pointer))

    def _bring_those_who_started(self) -> None:
        """Look for processes until no new ones are found, and have each follow the pointer, if there is one."""
        request = self._about({"do": "follow", "pointer": self.pointer})
        # Those that did not have the block may have begun it since, where the pointer led then.
        self._processes.find_again(self._others)
        self._others.clear()
        for _ in range(_ROUNDS if self.pointer else 0):
            fresh, self._starting = [*self._processes.find(), *self._starting], []
            # Asked at once, and not first who they are: one that is silent follows when it goes on.
            for link, reply in ask_all(fresh, request, self.plan.timeout).items():
                if "block" in reply:
                    self.links[link] = reply["block"]
                    self._note(link, reply, Fate.FOLLOWED)
                elif reply.get("silent") or reply.get("concerned"):
                    self._note(link, reply, Fate.FOLLOWED, instead=Fate.STRAYED)
                    self.links[link] = {}
                else:
                    self._others.append(link)
            if not fresh:
                return

    def _take_back(self, links: list[Link], fate: Fate) -> None:
        """Let processes discard what waits, or go back from what they have committed."""
        if links:
            self._say(f"take back in {len(links)} processes")
        for link, reply in ask_all(links, {"do": "back"}, self.plan.timeout).items():
            self._note(link, reply, fate, instead=Fate.STRAYED)

    def _about(self, request: Message) -> Message:
        return request | {"block": self.plan.block}

    def _ask(self, links: Iterable[Link], request: Message) -> dict[Link, Message]:
        """Ask, and note who refuses and who is gone."""
        replies = ask_all(links, request, self.plan.timeout)
        for link, reply in replies.items():
            self._note(link, reply, Fate.UNCHANGED)
        return replies

    def _note(self, link: Link, reply: Message, fate: Fate, instead: Fate = Fate.REFUSED) -> None:
        message, stack = str(reply.get("message", "")), tuple(map(str, reply.get("stack") or ()))
        if not reply.get("ok"):
            fate = (Fate.SILENT if reply.get("silent") else Fate.DIED) if reply.get("gone") else instead
        self._outcomes[link.pid] = ProcessOutcome(link.pid, fate, message=message, stack=stack)

    @staticmethod
    def _has_died(reply: Message) -> bool:
        return bool(reply.get("gone")) and not reply.get("silent")

    def _leave(self) -> None:
        for link in (*self.links, *self._others, *self._starting):
            link.close()

    def _ended(self, what: str, message: str, *, moved: bool = False) -> ServiceOutcome:
        """Ask every process what it serves now, and end the links."""
        replies = told_by(self.links, self.plan.block)
        for link in self.links:
            before = self._outcomes.get(link.pid) or ProcessOutcome(link.pid, Fate.UNCHANGED)
            told = next(iter(replies.get(link, {}).get("blocks", ())), None)
            if told is not None:
                before = replace(before, release=told.get("release", ""), label=told.get("label", ""))
            elif before.fate is not Fate.SILENT:
                before = replace(before, fate=Fate.SILENT if link in replies else Fate.DIED)
            self._outcomes[link.pid] = before
        self._leave()
        outcomes = tuple(self._outcomes[pid] for pid in sorted(self._outcomes))
        label = next((one.label for one in outcomes if one.fate in (Fate.COMMITTED, Fate.FOLLOWED)), "")
        label = label or str(self.plan.prepare.get("label") or "")
        told = (outcomes, message, time.monotonic() - self._began, self._differences, self._unreached)
        return ServiceOutcome(what, self.plan.block, label, self._release, self.pointer, moved, *told)
