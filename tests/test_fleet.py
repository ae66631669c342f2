"""A process follows the pointer of its fleet, and a controller rolls releases out, whatever happens in between."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Workshop
from fleets import Guided, until
from threads import ThreadedCall

import blockfreeze as bf
from benchmarks.shapes.machines import write_releases
from blockfreeze.api import registry
from blockfreeze.cli.fleets import status_fleet
from blockfreeze.coordination.outcome import Fate
from blockfreeze.fleet.documents import fleet_document, fleet_status
from blockfreeze.fleet.fence import Fence
from blockfreeze.fleet.follower import Follower
from blockfreeze.fleet.names import CONTROLLER, draw
from blockfreeze.fleet.plan import FleetPlan, Stage
from blockfreeze.fleet.rollout import Rollout
from blockfreeze.fleet.store import StoreError, open_store
from blockfreeze.pictures.page import page

pytestmark = pytest.mark.needs_threads

ONE = Stage("1", count=lambda count: 1)
HALF = Stage("50%", count=lambda count: count // 2)


@pytest.fixture
def srv(workshop: Workshop) -> Path:
    place = workshop.path.parent / "srv"
    write_releases(place)
    workshop._roots.add("shop")  # it is forgotten, as what the workshop has written
    return place


@pytest.fixture
def store(tmp_path: Path) -> Guided:
    return Guided(open_store(f"file://{tmp_path}/fleet"))


@pytest.fixture
def follow(store: Guided, srv: Path, tmp_path: Path) -> Iterator[Callable[..., Follower]]:
    """Give what lets this process follow; it is closed afterwards."""
    made: list[Follower] = []

    def begin(**options: Any) -> Follower:
        settings = {"release": srv / "r1", "directory": tmp_path / "cache", "poll": 0.2, "expiry": 30.0, **options}
        made.append(bf.follow_fleet("shop", store, **settings))  # type: ignore[arg-type]
        import shop  # type: ignore[import-not-found]  # noqa: F401

        until(lambda: made[-1].state["state"] == "serving" and made[-1].state["revision"])
        return made[-1]

    yield begin
    for one in made:
        one.close()
    registry._patterns.clear()
    registry._pointers.clear()
    registry._fences.clear()


def answer() -> Any:
    found = set(sys.modules["shop"].answer())
    assert len(found) == 1
    return found.pop()


def plan(**given: Any) -> FleetPlan:
    return FleetPlan("shop", **{"timeout": 20.0, "probation": 0.0, **given})


def others(store: Guided, *names: str, host: str = "b", **said: Any) -> None:
    """Let there be processes that say one thing for ever."""
    record = {"host": host, "pid": 1, "state": "serving", "revision": 10**6, "message": "", "label": "", **said}
    for name in names:
        store.announce("shop", name, record, 60.0)


class Echo:
    """Processes that do at once what they are told, and count how many commit before the pointer flips."""

    def __init__(self, store: Guided, *names: str, **said: Any) -> None:
        self.names = {name: name.partition("/")[0] for name in names}
        self.staged: list[set[str]] = []
        self._store, self._said = store, said
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        until(lambda: len(store._store.announced("shop")) >= len(names))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            pointer = self._store._store.read("shop")
            rollout = pointer and pointer.value["rollout"]
            staged = set()
            for name, host in self.names.items():
                said = {"host": host, "pid": 1, "message": "", "revision": pointer.revision if pointer else 0}
                if rollout is None:
                    said["state"] = "serving"
                elif host in rollout["hosts"] or draw(rollout["id"], name) < rollout["below"]:
                    staged.add(name)
                    said |= {"state": "serving", "rollout": rollout["id"]}
                else:
                    said |= {"state": "ready", "rollout": rollout["id"], "hash": "same"}
                self._store._store.announce("shop", name, said | self._said, 60.0)
            if staged and (not self.staged or staged != self.staged[-1]):
                self.staged.append(staged)
            time.sleep(0.005)


def test_a_process_comes_up_where_the_pointer_leads_and_follows_it(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follow(host="a")
    assert answer() == 1
    for number in (2, 3, 1):
        outcome = Rollout(store, plan()).swap(srv / f"r{number}")
        assert (outcome.exit_status, answer(), outcome.message) == (0, number, "")
        assert [one.fate for one in outcome.members] == [Fate.COMMITTED]
    assert Rollout(store, plan()).rollback().label == "r3"
    assert answer() == 3
    assert Rollout(store, plan()).rollback(srv / "r2").exit_status == 0
    assert answer() == 2
    assert [one["outcome"] for one in store.noted("shop", 9)] == ["done"] * 6
    assert [one["to"]["label"] for one in store.noted("shop", 9)] == ["r2", "r3", "r1", "r3", "r2", "r1"]


def test_what_is_prepared_is_not_reachable_until_the_pointer_flips(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follower = follow()
    others(store, "b/2.x")  # never ready
    rolled = ThreadedCall(Rollout(store, plan()).swap, srv / "r2")
    until(lambda: follower.state["state"] == "ready")
    assert answer() == 1
    assert bf.status("shop").current == 1
    store.withdraw("shop", "b/2.x")
    assert rolled.result().exit_status == 0
    assert answer() == 2


@pytest.mark.parametrize("prepare", [{"check": "shop:refuse"}, {"expect_hash": "0" * 64}, {"check": "shop:missing"}])
def test_one_that_refuses_refuses_for_all(
    follow: Callable[..., Follower], store: Guided, srv: Path, prepare: dict[str, str]
) -> None:
    follower = follow()
    others(store, "b/2.x")
    outcome = Rollout(store, plan(prepare=prepare)).swap(srv / "r2")
    assert (outcome.exit_status, answer(), outcome.moved) == (1, 1, False)
    assert {one.name: one.fate for one in outcome.members} == {follower.name: Fate.REFUSED, "b/2.x": Fate.UNCHANGED}
    assert follower.name in outcome.message
    assert store.read("shop").value["rollout"] is None
    assert store.noted("shop", 1)[0]["outcome"] == outcome.message
    store.withdraw("shop", "b/2.x")
    assert Rollout(store, plan()).swap(srv / "r2").exit_status == 0  # it is no worse afterwards
    assert answer() == 2


def test_one_that_says_nothing_in_time_refuses_for_all(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follow()
    others(store, "b/2.x")
    outcome = Rollout(store, plan(timeout=4.0)).swap(srv / "r2")
    assert (outcome.exit_status, answer()) == (1, 1)
    assert outcome.message == "b/2.x: has not prepared it within 4 s"


def test_a_release_that_this_machine_does_not_have_is_refused_by_it(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path
) -> None:
    follow(releases=[srv])
    write_releases(tmp_path / "elsewhere", range(2, 3))
    outcome = Rollout(store, plan()).swap(tmp_path / "elsewhere" / "r2")
    assert (outcome.exit_status, answer()) == (1, 1)
    assert str(tmp_path / "elsewhere") in outcome.message
    # The directory goes away between the controller's look and the process's.
    gone = srv / "r2"
    store.before["announce"] = lambda: gone.rename(srv / "away")
    outcome = Rollout(store, plan()).swap(gone)
    assert (outcome.exit_status, answer()) == (1, 1)
    assert "no such release on this machine" in outcome.message


def test_machines_whose_release_differs_refuse_for_all(store: Guided, srv: Path) -> None:
    store.change("shop", 0, {"release": {"place": str(srv / "r1"), "label": "r1"}, "previous": [], "rollout": None})
    echoes = [Echo(store, "a/1.x", hash="one"), Echo(store, "b/1.x", hash="another")]
    outcome = Rollout(store, plan()).swap(srv / "r2")
    for one in echoes:
        one.close()
    assert outcome.exit_status == 1
    assert "not the same sources" in outcome.message


@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_stage_is_so_many_processes_and_the_next_one_adds_to_it(store: Guided, srv: Path, count: int) -> None:
    Rollout(store, plan()).swap(srv / "r1")
    echo = Echo(store, *(f"{host}/{number}.x" for host in "abc" for number in range(4)))
    stages = (Stage("n", count=lambda there: count), Stage("a", host="a"), HALF)
    outcome = Rollout(store, plan(stages=stages)).swap(srv / "r2")
    echo.close()
    assert outcome.exit_status == 0
    assert outcome.stages[0] == count
    assert len(echo.staged[0]) == count
    assert echo.staged[0] <= echo.staged[-1]
    assert {name for name in echo.names if name.startswith("a/")} <= echo.staged[-1]
    assert outcome.stages[-1] == len(echo.staged[-1]) >= 6


def test_a_canary_that_falls_short_goes_back(follow: Callable[..., Follower], store: Guided, srv: Path) -> None:
    follower = follow(host="a")
    shown: list[Any] = []
    canary = plan(stages=(Stage("a", host="a"),), probation=5.0, health="shop:ill")
    rolled = ThreadedCall(Rollout(store, canary).swap, srv / "r2")
    until(lambda: shown.append(answer()) or shown[-1] == 2)
    outcome = rolled.result()
    assert (outcome.exit_status, answer()) == (1, 1)
    assert "it is ill" in outcome.message
    assert [(one.name, one.fate) for one in outcome.members] == [(follower.name, Fate.RETURNED)]
    good = plan(stages=(Stage("a", host="a"),), probation=0.3, health="shop:well")
    assert Rollout(store, good).swap(srv / "r2").exit_status == 0
    assert answer() == 2


def test_a_stage_that_means_nobody_is_refused(follow: Callable[..., Follower], store: Guided, srv: Path) -> None:
    follow(host="a")
    outcome = Rollout(store, plan(stages=(Stage("z", host="z"),))).swap(srv / "r2")
    assert (outcome.exit_status, answer()) == (1, 1)
    assert "no process is meant by it" in outcome.message


def test_of_two_controllers_one_is_told_of_the_other(store: Guided, srv: Path) -> None:
    Rollout(store, plan()).swap(srv / "r1")
    others(store, "b/2.x")
    first = ThreadedCall(Rollout(store, plan()).swap, srv / "r2")
    until(lambda: store.read("shop").value["rollout"])
    for late in (lambda: Rollout(store, plan()).swap(srv / "r3"), lambda: Rollout(store, plan()).rollback(srv / "r3")):
        with pytest.raises(bf.ControlError, match="is rolling something out"):
            late()
    others(store, "b/2.x", state="ready", rollout=roll(store)["id"], hash="same")
    until(lambda: store.read("shop").value["rollout"] is None)
    others(store, "b/2.x")
    assert first.result().exit_status == 0
    assert store.read("shop").value["release"]["label"] == "r2"


def test_a_controller_that_is_overtaken_at_its_change_is_told(store: Guided, srv: Path) -> None:
    Rollout(store, plan()).swap(srv / "r1")

    def overtake() -> None:
        found = store._store.read("shop")
        rollout = {"id": "other", "by": "somebody@elsewhere"}
        store._store.change("shop", found.revision, found.value | {"rollout": rollout})
        store._store.announce("shop", f"{CONTROLLER}other", {}, 60.0)

    store.before["change"] = overtake
    with pytest.raises(bf.ControlError, match="somebody@elsewhere is rolling something out"):
        Rollout(store, plan()).swap(srv / "r2")
    assert store.read("shop").value["release"]["label"] == "r1"


@pytest.mark.parametrize("lost", range(4))
def test_an_answer_that_is_lost_is_no_matter(
    follow: Callable[..., Follower], store: Guided, srv: Path, lost: int
) -> None:
    """The change is made, and the engine is away before it says so: at the first one, the second one, and so on."""
    follow()
    seen = 0

    def away() -> None:
        nonlocal seen
        if seen == lost:
            store.away = True
            threading.Timer(0.3, lambda: setattr(store, "away", False)).start()
            raise StoreError("the answer is lost")
        seen += 1
        store.after["change"] = away

    store.after["change"] = away
    outcome = Rollout(store, plan(stages=(ONE,))).swap(srv / "r2")
    assert (outcome.exit_status, answer(), seen) == (0, 2, min(lost, 3))


def test_a_roll_out_whose_controller_is_gone_is_withdrawn_by_the_processes(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follower = follow(host="a")
    rollout = {"id": "orphan", "by": "x@y", "release": {"place": str(srv / "r2"), "label": "r2"}, "timeout": 20.0}
    rollout |= {"below": 0, "hosts": ["a"]}
    found = store.read("shop")
    store.change("shop", found.revision, found.value | {"rollout": rollout})
    until(lambda: store.read("shop").value["rollout"] is None)
    until(lambda: follower.state["state"] == "serving" and not follower.state["rollout"])
    assert answer() == 1
    assert Rollout(store, plan()).swap(srv / "r2").exit_status == 0


def test_a_process_that_was_cut_off_serves_and_follows_when_it_is_back(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path
) -> None:
    follower = follow()
    store.away = True
    until(lambda: "the engine is away" in follower.state["message"])
    controller = open_store(f"file://{tmp_path}/fleet")
    controller.withdraw("shop", follower.name)
    assert Rollout(controller, plan()).swap(srv / "r2").exit_status == 0
    assert answer() == 1
    store.away = False
    until(lambda: answer() == 2)


def test_one_that_is_cut_off_when_the_pointer_flips_commits_when_it_is_back(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path
) -> None:
    follower = follow()
    controller = open_store(f"file://{tmp_path}/fleet")

    def say(text: str) -> None:
        if text == "the pointer flips":
            store.away = True
            rollout._members._timeout = 0.5  # nobody is to be waited for long then

    rollout = Rollout(controller, plan(), say)
    outcome = rollout.swap(srv / "r2")
    assert (outcome.exit_status, outcome.moved, answer()) == (3, True, 1)
    assert [one.fate for one in outcome.members] == [Fate.SILENT]
    store.away = False
    until(lambda: answer() == 2)
    until(lambda: follower.state["label"] == "r2")


def test_what_the_engine_has_lost_the_processes_give_back(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path
) -> None:
    follow()
    Rollout(store, plan()).swap(srv / "r2")
    before = store.read("shop")
    (tmp_path / "fleet" / "shop" / "pointer").unlink()
    until(lambda: store.read("shop") == before)
    assert answer() == 2


def test_whoever_starts_while_the_engine_is_away_comes_up_by_the_machines_own_pointer(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.away = True
    with pytest.raises(bf.ControlError, match="has never seen the fleet's pointer"):
        bf.follow_fleet("shop", store, directory=tmp_path / "cache")  # type: ignore[arg-type]
    store.away = False
    bf.point(Path(tmp_path / "cache" / "shop" / "current"), srv / "r2")
    store.change("shop", 0, {"release": {"place": str(srv / "r3"), "label": "r3"}, "previous": [], "rollout": None})
    store.away = True
    follower = bf.follow_fleet("shop", store, directory=tmp_path / "cache", poll=0.2)  # type: ignore[arg-type]
    try:
        import shop  # noqa: F401

        assert answer() == 2
        store.away = False
        until(lambda: answer() == 3)
    finally:
        follower.close()
    assert "comes up in the release that was pointed at last" in caplog.text


def test_without_a_pointer_and_a_release_nothing_is_followed(store: Guided, tmp_path: Path) -> None:
    with pytest.raises(bf.ControlError, match="say with which --release it begins"):
        bf.follow_fleet("shop", store, directory=tmp_path / "cache")  # type: ignore[arg-type]
    with pytest.raises(bf.ControlError, match="nothing was rolled out yet"):
        Rollout(store, plan()).rollback()


def test_there_is_nothing_before_the_first_release(store: Guided, srv: Path) -> None:
    assert Rollout(store, plan()).swap(srv / "r1").exit_status == 0
    with pytest.raises(bf.ControlError, match="has led nowhere else"):
        Rollout(store, plan()).rollback()


def test_a_fence_shuts_without_the_engine_and_opens_when_the_block_has_caught_up(
    follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path
) -> None:
    follow(fence=2.0)
    app = bf.wsgi_pin(lambda environ, start: [str(answer()).encode()], "shop")
    said: list[str] = []

    def ask() -> bytes:
        said.append("200")
        return b"".join(app({}, lambda status, headers: said.append(status)))

    until(lambda: ask() == b"1")
    store.away = True
    until(lambda: b"refuses requests" in ask())
    assert said[-1] == "503 Service Unavailable"
    controller = open_store(f"file://{tmp_path}/fleet")
    for name in controller.announced("shop"):
        controller.withdraw("shop", name)
    Rollout(controller, plan()).swap(srv / "r2")
    store.away = False
    answers: set[bytes] = set()
    until(lambda: answers.add(ask()) or b"2" in answers)
    assert b"1" not in answers  # it was shut until it had followed


def test_a_fence_tells_the_time() -> None:
    now = [0.0]
    fence = Fence(5.0, lambda: now[0])
    now[0] = 5.0
    assert not fence.is_shut()
    now[0] = 5.1
    assert fence.is_shut()
    fence.touch()
    assert not fence.is_shut()


@pytest.mark.needs_fork
@pytest.mark.needs_subprocess
def test_a_child_of_a_fork_follows_under_a_name_of_its_own(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follower = follow()
    child = os.fork()
    if child == 0:
        try:
            end = time.monotonic() + 60
            while answer() != 2 and time.monotonic() < end:
                time.sleep(0.01)
            os._exit(0 if answer() == 2 else 1)
        finally:
            os._exit(2)
    until(lambda: len(store.announced("shop")) == 2)
    outcome = Rollout(store, plan()).swap(srv / "r2")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert outcome.moved
    assert len({one.pid for one in outcome.members} | {follower.state["pid"], child}) == 2


def test_a_follower_that_is_closed_is_gone_and_the_block_stays(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follower = follow()
    follower.close()
    follower.close()
    assert store.announced("shop") == {}
    assert Rollout(store, plan()).swap(srv / "r2").exit_status == 0
    assert answer() == 1
    assert bf.swap("shop", release=srv / "r3").to_generation == 2


def test_a_fleet_is_shown_on_a_page(follow: Callable[..., Follower], store: Guided, srv: Path, tmp_path: Path) -> None:
    follow(host="web1")
    Rollout(store, plan(label="the second")).swap(srv / "r2")
    others(store, "web2/1.x", host="web2", state="refused", message="no such release", label="r1")
    told = fleet_status(store, "shop")
    assert (told["release"]["label"], told["astray"]) == ("the second", ["web2/1.x"])
    shown = page([fleet_document(store, "shop")], time.time())
    assert all(said in shown for said in ("web1", "web2", "the second in 1", "r1 in 1", "mixed"))
    file = tmp_path / "status.html"
    assert status_fleet(f"file://{tmp_path}/fleet", "shop", as_json=False, html=file) == 1
    assert "the fleet of shop" in file.read_text(encoding="utf-8")


def served(store: Guided, srv: Path) -> str:
    """Have the pointer lead to the first release."""
    Rollout(store, plan()).swap(srv / "r1")
    return str(store.read("shop").value["release"]["label"])


def roll(store: Guided) -> Any:
    return until(lambda: store.read("shop").value["rollout"])


def test_a_release_that_ends_the_processes_that_prepare_it_is_not_rolled_out(store: Guided, srv: Path) -> None:
    assert served(store, srv) == "r1"
    others(store, "a/1.x", "b/1.x")
    rolled = ThreadedCall(Rollout(store, plan()).swap, srv / "r2")
    rollout = roll(store)["id"]
    others(store, "a/1.x", state="preparing", rollout=rollout)
    others(store, "b/1.x", state="ready", rollout=rollout, hash="same")
    until(lambda: store.asked.count("announced") > 3)
    looks = store.asked.count("announced")
    until(lambda: store.asked.count("announced") > looks + 2)
    store.withdraw("shop", "a/1.x")
    until(lambda: store.read("shop").value["rollout"] is None)
    others(store, "b/1.x")
    outcome = rolled.result()
    assert (outcome.exit_status, outcome.message) == (1, "a/1.x: has not prepared it, and has gone")
    assert store.read("shop").value["release"]["label"] == "r1"


def test_where_all_processes_go_nothing_is_rolled_out(store: Guided, srv: Path) -> None:
    served(store, srv)
    others(store, "a/1.x")
    rolled = ThreadedCall(Rollout(store, plan()).swap, srv / "r2")
    roll(store)
    looks = store.asked.count("announced")
    until(lambda: store.asked.count("announced") > looks + 1)
    store.withdraw("shop", "a/1.x")
    outcome = rolled.result()
    assert (outcome.exit_status, outcome.message) == (1, "every process has gone")


def test_one_that_was_ready_and_ends_is_left_out(store: Guided, srv: Path) -> None:
    served(store, srv)
    others(store, "a/1.x", "b/1.x")
    rolled = ThreadedCall(Rollout(store, plan()).swap, srv / "r2")
    rollout = roll(store)["id"]
    others(store, "a/1.x", state="ready", rollout=rollout, hash="same")
    looks = store.asked.count("announced")
    until(lambda: store.asked.count("announced") > looks + 2)
    store.withdraw("shop", "a/1.x")
    others(store, "b/1.x", state="ready", rollout=rollout, hash="same")
    until(lambda: store.read("shop").value["rollout"] is None)
    others(store, "b/1.x")
    assert rolled.result().exit_status == 0


@pytest.mark.parametrize("probation", [0.0, 0.5])
def test_a_canary_that_dies_while_it_is_watched_refuses_for_all(store: Guided, srv: Path, probation: float) -> None:
    served(store, srv)
    others(store, "a/1.x", "b/1.x", beat=1)
    canary = plan(stages=(Stage("a", host="a"),), probation=probation)
    others(store, "a/1.x", host="a", beat=1)
    rolled = ThreadedCall(Rollout(store, canary).swap, srv / "r2")
    rollout = roll(store)["id"]
    others(store, "b/1.x", state="ready", rollout=rollout, hash="same", beat=2)
    others(store, "a/1.x", host="a", state="ready", rollout=rollout, hash="same", beat=2)
    until(lambda: store.read("shop").value["rollout"]["hosts"] == ["a"])
    others(store, "a/1.x", host="a", state="serving", rollout=rollout, beat=3)
    looks = store.asked.count("announced")
    until(lambda: store.asked.count("announced") > looks + 3)  # it is silent from here on, and expires
    store.withdraw("shop", "a/1.x")
    until(lambda: store.read("shop").value["rollout"] is None)
    others(store, "b/1.x")
    outcome = rolled.result()
    assert (outcome.exit_status, outcome.moved) == (1, False)
    assert "a/1.x" in outcome.message
    assert "has gone" in outcome.message


@pytest.mark.parametrize("what", ["swap", "rollback"])
def test_a_lost_answer_is_no_matter_though_somebody_else_has_changed_the_pointer_since(
    store: Guided, srv: Path, what: str
) -> None:
    served(store, srv)
    if what == "rollback":
        Rollout(store, plan()).swap(srv / "r2")
    changes = 0

    def lose() -> None:
        nonlocal changes
        changes += 1
        if changes < (2 if what == "swap" else 1):
            store.after["change"] = lose
            return
        found = store._store.read("shop")
        store._store.change("shop", found.revision, found.value | {"release": {"place": "/other", "label": "other"}})
        raise StoreError("the answer is lost")

    store.after["change"] = lose
    outcome = Rollout(store, plan()).swap(srv / "r2") if what == "swap" else Rollout(store, plan()).rollback()
    assert outcome.moved
    assert store.read("shop").value["release"]["label"] == "other"  # it is not changed a second time


def test_a_roll_out_that_all_have_refused_is_withdrawn_when_its_controller_is_gone(
    follow: Callable[..., Follower], store: Guided, srv: Path
) -> None:
    follower = follow()
    rollout = {"id": "orphan", "by": "x@y", "release": {"place": str(srv / "r9"), "label": "r9"}, "timeout": 20.0}
    found = store.read("shop")
    store.change("shop", found.revision, found.value | {"rollout": rollout | {"below": 0, "hosts": []}})
    until(lambda: store.read("shop").value["rollout"] is None)
    until(lambda: follower.state["state"] == "serving")
    assert answer() == 1
