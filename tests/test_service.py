"""The coordinator, by forced interleavings: processes that are fakes refuse, die, fall silent and start at any step.

What holds whatever happens: the outcome says the truth, done means that every process serves the pointed release,
refused that nothing has changed; and once those that were silent go on, all serve the pointed release.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockfreeze.control.frames import Message
from blockfreeze.coordination.outcome import Fate, ServiceOutcome
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.process_link import Answer, Link, gone
from blockfreeze.coordination.service import Service
from blockfreeze.core.errors import ControlError

OLD, NEW = "/srv/r1", "/srv/r2"


class ControllerKilledError(BaseException):
    """The controller is killed at this step."""


@dataclass
class World:
    """All processes of a service, the pointer, and what happens at which step."""

    happens: dict[int, tuple[str, int]] = field(default_factory=dict)
    pointer: str = OLD
    processes: list[FakeProcess] = field(default_factory=list)
    step: int = 0
    said: list[str] = field(default_factory=list)

    def start(self, count: int = 1, release: str | None = None) -> None:
        for _ in range(count):
            self.processes.append(FakeProcess(self, len(self.processes) + 100, release or self.pointer))

    def move(self, pointer: str, release: str) -> None:
        self.next_step()
        self.pointer = release

    def find(self) -> list[Link]:
        self.next_step()
        fresh = [one for one in self.processes if not one.found and one.state != "dead"]
        for one in fresh:
            one.found = True
        return list[Link](fresh)

    def find_again(self, links: Collection[Link]) -> None:
        for one in self.processes:
            one.found = one.found and one not in links

    def next_step(self) -> None:
        what, which = self.happens.get(self.step, ("", 0))
        self.step += 1
        if not what:
            return
        process = self.processes[which % len(self.processes)]
        if what == "kill":
            process.die()
            self.start()  # as its master does
        elif what == "silence" and process.state == "alive":
            process.state = "silent"
        elif what == "refuse":
            process.refuses = True
        elif what == "start":
            self.start()
        elif what == "begin" and not process.has_block:
            process.has_block, process.release = True, self.pointer
        elif what == "controller":
            raise ControllerKilledError

    def controller_is_gone(self) -> None:
        """Let the links end, and those that were silent read what was written to them.

        Each process that is in something goes where the pointer leads, as soon as it can.
        """
        for one in self.processes:
            if one.state == "silent":
                one.state = "alive"
                for request in one.unread:
                    one.reply(request)
            if one.state == "alive":
                one.end()

    @property
    def alive(self) -> list[FakeProcess]:
        return [one for one in self.processes if one.state == "alive"]


@dataclass(eq=False)
class FakeProcess:
    """A process as `blockfreeze.control` makes one behave."""

    world: World
    pid: int
    release: str
    state: str = "alive"
    refuses: bool = False
    found: bool = False
    candidate: str | None = None
    kept: str | None = None
    back_to: str | None = None
    in_transaction: bool = False
    unread: list[Message] = field(default_factory=list)
    state_told: str = "serving"
    has_block: bool = True

    def ask(self, request: Message, timeout: float) -> Answer:
        answer = Answer()
        self.world.next_step()
        answer.give(self.reply(request))
        return answer

    def reply(self, request: Message) -> Message:
        if self.state == "dead":
            return gone("it has ended")
        if self.state == "silent":
            self.unread.append(request)
            return gone("it does not answer", silent=True)
        what = request["do"]
        self.world.said.append(f"{self.pid} {what}")
        if self.refuses and what in ("prepare", "commit", "rollback"):
            self.candidate = None
            return {"ok": False, "error": "PrepareError", "message": "it will not", "stack": ["shop.py:1 in foo"]}
        done: dict[str, Callable[[Message], object]] = {
            "prepare": self.prepare,
            "commit": lambda _: self.commit(self.candidate),
            "rollback": lambda _: self.commit(self.kept),
            "back": self.back,
            "done": self.done,
            "follow": lambda _: self.follow(),
        }
        if not self.has_block:
            return {"ok": what == "status", "message": "there is no such block", "blocks": []}
        if what == "follow" and request.get("pointer") not in (None, self.told()["pointer"]):
            return {"ok": False, "message": "its pointer is another"}
        done.get(what, lambda _: None)(request)
        return {"ok": True, "shortcoming": "", "block": self.told(), "blocks": [self.told()]}

    def told(self) -> dict[str, Any]:
        kept = [{"release": self.kept, "number": 1}] if self.kept else []
        return {
            "block": "shop",
            "release": self.release,
            "label": self.release[-2:],
            "pointer": "/srv/current",
            "state": self.state_told,
            "generation": 2,
            "generations": kept,
            "previous": kept[0] if kept else None,
        }

    def prepare(self, request: Message) -> None:
        self.candidate, self.in_transaction = request["release"], True

    def commit(self, release: str | None) -> None:
        assert release is not None
        self.back_to, self.kept, self.release = self.release, self.release, release
        self.candidate, self.in_transaction = None, True

    def back(self, request: Message) -> None:
        if self.back_to is not None:
            self.release, self.kept = self.back_to, None
        self.done(request)

    def done(self, _: Message) -> None:
        self.candidate = self.back_to = None
        self.in_transaction = False

    def follow(self) -> None:
        self.release = self.world.pointer

    def end(self) -> None:
        if self.in_transaction:
            self.candidate = self.back_to = None
            self.in_transaction = False
            for one in self.world.processes:  # it tells the others too
                one.reply({"do": "follow"})

    def die(self) -> None:
        self.state = "dead"

    def close(self) -> None:
        if self.state == "alive":
            self.end()


def plan(**options: Any) -> Plan:
    return Plan("shop", {"release": NEW, "label": "r2"}, probation=0.0, **options)


def swapped(world: World, **options: Any) -> ServiceOutcome:
    service = Service(world, plan(**options), move=world.move, pause=lambda _: None)
    service.join()
    return service.swap()


def judge(world: World, outcome: ServiceOutcome, before: str, after: str) -> None:
    """Assert what holds after a command, whatever happened in between."""
    assert world.pointer == (after if outcome.moved else before)
    told = {one.pid: one for one in outcome.processes}
    for process in world.alive:
        if process.pid in told and told[process.pid].fate is not Fate.SILENT:
            assert told[process.pid].release == process.release, (process, outcome)
    if outcome.exit_status == 0:
        assert {one.release for one in world.alive} == {world.pointer} == {after}
    elif outcome.exit_status == 1:
        assert {one.release for one in world.alive} <= {before}
    assert not [one for one in world.alive if one.candidate or one.in_transaction]
    world.controller_is_gone()
    assert {one.release for one in world.alive} == {world.pointer}


EVENTS = st.dictionaries(
    st.integers(1, 40),
    st.tuples(st.sampled_from(["kill", "silence", "refuse", "start", "kill", "start"]), st.integers(0, 9)),
    max_size=4,
)


@settings(max_examples=400)
@given(EVENTS, st.integers(1, 4), st.sampled_from([0, 1, 2]))
def test_after_a_swap_no_two_releases_serve_or_it_says_which(
    happens: dict[int, tuple[str, int]], count: int, canaries: int
) -> None:
    world = World(happens)
    world.start(count)
    try:
        outcome = swapped(world, canaries=lambda _: canaries)
    except ControlError:  # it says that one does not answer, before anything was begun
        assert {one.release for one in world.processes} == {OLD}
        return
    judge(world, outcome, OLD, NEW)


@settings(max_examples=300)
@given(EVENTS, st.integers(1, 4), st.integers(0, 2))
def test_after_a_rollback_no_two_releases_serve_or_it_says_which(
    happens: dict[int, tuple[str, int]], count: int, started_since: int
) -> None:
    world = World(happens, pointer=NEW)
    world.start(count)
    for one in world.processes:
        one.kept = OLD
    world.start(started_since)
    service = Service(world, Plan("shop", probation=0.0), move=world.move, pause=lambda _: None)
    try:
        service.join()
    except ControlError:
        return
    kept = [link for link in service.links if isinstance(link, FakeProcess) and link.kept == OLD]
    judge(world, service.rollback(OLD, kept), NEW, OLD)


@settings(max_examples=300)
@given(st.integers(0, 40), EVENTS, st.integers(1, 4))
def test_wherever_the_controller_is_killed_all_end_up_in_the_pointed_release(
    at: int, happens: dict[int, tuple[str, int]], count: int
) -> None:
    world = World(happens | {at: ("controller", 0)})
    world.start(count)
    try:
        swapped(world)
    except (ControllerKilledError, ControlError):
        world.controller_is_gone()
        assert {one.release for one in world.alive} == {world.pointer}


def test_all_prepare_before_one_commits() -> None:
    world = World()
    world.start(3)
    outcome = swapped(world)
    begun = [line for line in world.said if line.split()[1] in ("prepare", "commit", "done")]
    assert begun == [f"{pid} {what}" for what in ("prepare", "commit", "done") for pid in (100, 101, 102)]
    assert (outcome.exit_status, outcome.serving) == (0, {NEW: [100, 101, 102]})


def test_one_that_refuses_to_prepare_lets_all_discard() -> None:
    world = World()
    world.start(3)
    world.processes[1].refuses = True
    outcome = swapped(world)
    assert [one.fate for one in outcome.processes] == [Fate.UNCHANGED, Fate.REFUSED, Fate.UNCHANGED]
    assert (outcome.exit_status, outcome.message, outcome.moved) == (1, "it will not", False)
    assert outcome.processes[1].stack == ("shop.py:1 in foo",)
    assert not [line for line in world.said if "commit" in line]


def test_one_that_refuses_to_commit_takes_the_others_back() -> None:
    world = World({8: ("refuse", 2)})
    world.start(3)
    outcome = swapped(world)
    assert [one.fate for one in outcome.processes] == [Fate.RETURNED, Fate.RETURNED, Fate.REFUSED]
    assert (outcome.exit_status, world.pointer) == (1, OLD)


def test_one_that_dies_is_left_out_and_what_starts_instead_follows() -> None:
    world = World({5: ("kill", 1)})
    world.start(3)
    outcome = swapped(world)
    assert {one.pid: one.fate for one in outcome.processes} == {
        100: Fate.COMMITTED,
        101: Fate.DIED,
        102: Fate.COMMITTED,
        103: Fate.FOLLOWED,
    }
    assert outcome.exit_status == 0


def test_one_that_falls_silent_while_it_commits_takes_the_others_back_and_is_named() -> None:
    world = World({8: ("silence", 2)})
    world.start(3)
    outcome = swapped(world)
    assert [one.fate for one in outcome.processes] == [Fate.RETURNED, Fate.RETURNED, Fate.SILENT]
    assert (outcome.exit_status, outcome.serving) == (3, {OLD: [100, 101], "": [102]})


def test_a_pointer_that_cannot_be_moved_takes_all_back() -> None:
    world = World()
    world.start(2)

    def refuse(pointer: str, release: str) -> None:
        raise PermissionError(13, "no")

    service = Service(world, plan(), move=refuse)
    service.join()
    outcome = service.swap()
    assert (outcome.exit_status, outcome.moved) == (1, False)
    assert "the pointer '/srv/current' cannot be moved" in outcome.message
    assert {one.release for one in world.alive} == {OLD}


@pytest.mark.parametrize("falls_short", ["shortcoming", "death"])
def test_canaries_that_fall_short_take_the_version_back(falls_short: str) -> None:
    world = World({10: ("kill", 0)} if falls_short == "death" else {})
    world.start(4)
    if falls_short == "shortcoming":
        asked = world.processes[0].reply
        world.processes[0].reply = lambda request: (  # type: ignore[method-assign]
            asked(request) | ({"shortcoming": "ill"} if request["do"] == "health" else {})
        )
    outcome = swapped(world, canaries=lambda count: count // 4, health="shop.health:check")
    assert (outcome.exit_status, outcome.moved) == (1, False)
    assert outcome.message.startswith("the canary fell short: process 100: ")
    assert [line for line in world.said if "commit" in line] == ["100 commit"]
    assert {one.release for one in world.alive} == {OLD}


def test_canaries_are_followed_by_the_rest() -> None:
    world = World()
    world.start(4)
    outcome = swapped(world, canaries=lambda _: 1, health="shop.health:check")
    told = [line for line in world.said if line.split()[1] in ("commit", "health")]
    assert told == ["100 commit", "100 health", "101 commit", "102 commit", "103 commit"]
    assert outcome.exit_status == 0


def test_one_that_is_starting_is_asked_when_the_pointer_has_moved() -> None:
    world = World()
    world.start(2)
    told = world.processes[1].told
    world.processes[1].told = lambda: (
        told()
        | {  # type: ignore[method-assign]
            "state": "starting" if "101 follow" not in world.said else "serving",
            "pointer": "" if "101 follow" not in world.said else "/srv/current",
        }
    )
    outcome = swapped(world)
    assert [one.fate for one in outcome.processes] == [Fate.COMMITTED, Fate.FOLLOWED]
    assert [line for line in world.said if line.startswith("101")][:2] == ["101 status", "101 follow"]
    assert {one.release for one in world.alive} == {NEW}


def test_services_with_several_pointers_are_not_mixed() -> None:
    world = World()
    world.start(2)
    other = world.processes[1]
    told = other.told
    other.told = lambda: told() | {"pointer": "/srv/other"}  # type: ignore[method-assign]
    with pytest.raises(ControlError, match=r"several pointers .* say --pointer"):
        swapped(world)
    for one in world.processes:
        one.found = False
    outcome = swapped(world, pointer="/srv/other")
    assert [one.pid for one in outcome.processes] == [101]
    assert world.processes[0].release == OLD


def test_without_processes_it_says_how_to_have_some() -> None:
    with pytest.raises(ControlError, match="no process with a control socket has this block; start the service with"):
        swapped(World())


@pytest.mark.parametrize("what", ["killed", "starting"])
def test_processes_that_are_being_started_are_waited_for(what: str) -> None:
    world = World()
    paused: list[float] = []
    if what == "starting":
        world.start(2)
        for one in world.processes:
            one.state_told = "starting"

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 3 and what == "killed":
            world.start(2)
        elif len(paused) == 3:
            for one in world.processes:
                one.state_told = "serving"

    service = Service(world, plan(), move=world.move, pause=pause)
    service.join()
    assert len(paused) == 3
    assert [one.fate for one in service.swap().processes] == [Fate.COMMITTED] * 2
    service = Service(World(), plan(wait=0.0), pause=pause)
    with pytest.raises(ControlError, match="no process"):
        service.join()
    assert len(paused) == 3


@pytest.mark.parametrize("step", range(20))
def test_a_process_that_has_begun_the_block_since_it_was_found_follows(step: int) -> None:
    world = World({step: ("begin", 1)})
    world.start(2)
    world.processes[1].has_block = False
    outcome = swapped(world)
    assert outcome.exit_status == 0
    assert world.processes[0].release == NEW
    assert not world.processes[1].has_block or world.processes[1].release == NEW


def test_if_all_die_it_is_tried_again_with_those_that_are_started_instead() -> None:
    world = World({4: ("kill", 0), 5: ("kill", 1)})  # while they prepare
    world.start(2)
    outcome = swapped(world)
    fates = {one.pid: one.fate for one in outcome.processes}
    assert fates == {100: Fate.DIED, 101: Fate.DIED, 102: Fate.COMMITTED, 103: Fate.COMMITTED}
    assert outcome.exit_status == 0


def test_if_all_die_again_and_again_it_is_given_up() -> None:
    world = World()
    world.start(1)
    for number in range(100):
        world.happens[number] = ("kill", number)
    with pytest.raises(ControlError, match="no process"):
        swapped(world, wait=0.0)
    assert world.pointer == OLD


@pytest.mark.parametrize("what", ["one is silent", "of several services", "none serves"])
def test_who_cannot_begin_leaves_no_link_open(what: str) -> None:
    world = World()
    world.start(2)
    ended: list[int] = []
    for process in world.processes:
        process.close = lambda pid=process.pid: ended.append(pid)  # type: ignore[method-assign, misc]
    last = world.processes[1]
    if what == "one is silent":
        last.state = "silent"
    elif what == "of several services":
        told = last.told
        last.told = lambda: told() | {"pointer": "/srv/other"}  # type: ignore[method-assign]
    else:
        world.processes[0].state_told = last.state_told = "starting"
    with pytest.raises(ControlError):
        swapped(world)
    assert sorted(ended) == [100, 101]
