"""Forks beside threads that change a block: they wait for those, not for ever, and the child can import and serve."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Workshop
from processes import run_python
from sequencer import Sequencer
from threads import ThreadedCall

import blockfreeze as bf
from blockfreeze.api import following, registry
from blockfreeze.core import forks
from blockfreeze.core.forks import Forks

pytestmark = [pytest.mark.needs_threads]


def at_work(one: Forks, sequencer: Sequencer, first: int, last: int) -> ThreadedCall[None]:
    """Let a thread be at work from the sequencer's step `first` to its step `last`."""

    def work() -> None:
        with one.at_work():
            with sequencer(first):
                pass
            with sequencer(last):
                pass

    return ThreadedCall(work)


def test_a_fork_waits_for_who_is_at_work_and_who_begins_waits_for_the_fork() -> None:
    one, order = Forks(), Sequencer()
    told: list[str] = []
    worker = at_work(one, order, 0, 2)
    with order(1):
        pass
    one.before()  # step 2 is the worker's last: this returns after it
    worker.result()

    def begin() -> None:
        with one.at_work():
            told.append("at work")

    late = ThreadedCall(begin)
    told.append("forked")
    one.after()
    late.result()
    assert told == ["forked", "at work"]


def test_who_only_waits_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 30.0)
    one, resting, go_on = Forks(), threading.Event(), threading.Event()

    def work() -> None:
        with one.at_work(), one.at_work(), one.resting():
            resting.set()
            go_on.wait(30)

    worker = ThreadedCall(work)
    resting.wait(30)
    one.before()
    go_on.set()
    assert worker.is_alive()  # it cannot go on with its work before the fork is done
    one.after()
    worker.result()


def test_a_fork_waits_in_vain_once_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 0.01)
    one, order = Forks(), Sequencer()
    worker = at_work(one, order, 0, 2)
    with order(1):
        one.before()
        one.after()
        monkeypatch.setattr(forks, "PATIENCE", 1e6)
        one.before()
        one.after()
    worker.result()
    second = at_work(one, Sequencer(), 0, 1)
    one.before()  # another one is waited for
    second.result()
    one.after()


def test_who_forks_while_at_work_is_not_waited_for() -> None:
    one = Forks()
    meet = threading.Barrier(2, timeout=30)

    def fork() -> None:
        with one.at_work():
            meet.wait()
            one.before()
            meet.wait()
            one.after()

    calls = [ThreadedCall(fork), ThreadedCall(fork)]
    for call in calls:
        call.result()


@pytest.mark.needs_fork
def test_a_fork_comes_before_or_after_a_swap_of_another_thread(workshop: Workshop) -> None:
    shop = workshop.freeze("shop", "def foo(): return 1")
    read, write = os.pipe()
    again, done = os.pipe()
    body = f"import os\nos.write({write}, b'x')\nos.read({again}, 1)\ndef foo(): return 2\n"
    swapping = ThreadedCall(lambda: bf.swap(shop, source=body))
    os.read(read, 1)
    threading.Timer(0.05, os.write, (done, b"x")).start()  # the fork has begun by then, or comes after the swap
    child = os.fork()
    if child == 0:
        os._exit(shop.foo())
    swapping.result()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


@pytest.mark.needs_fork
def test_the_child_imports_what_another_thread_was_importing(workshop: Workshop) -> None:
    workshop.freeze("shop", "")
    workshop.write("waiting.py", "import threading\nready.set()\ngo_on.wait(30)\nvalue = 1\n")
    ready, go_on = threading.Event(), threading.Event()
    builtins = vars(__import__("builtins"))
    builtins |= {"ready": ready, "go_on": go_on}
    try:
        importing = ThreadedCall(workshop.load, "waiting")
        assert ready.wait(30)
        child = os.fork()
        if child == 0:
            go_on = builtins["go_on"] = threading.Event()
            go_on.set()
            os._exit(10 + workshop.load("waiting").value)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
        go_on.set()
        assert importing.result().value == 1
    finally:
        del builtins["ready"], builtins["go_on"]


def test_a_pointer_that_moves_after_the_last_look_is_followed(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        workshop.version(f"srv/r{number}", {"shop.py": f"def foo(): return {number}\n"})
    srv = workshop.path.parent / "srv"
    bf.point(srv / "current", srv / "r1")
    follow: Callable[[object], object] = following.follow_pointer
    states: list[bool] = []

    def follow_and_move(block: object) -> object:
        found = follow(block)
        states.append(registry.all_blocks()[-1].generations[1].build.awaits_pointer)
        bf.point(srv / "current", srv / "r2")
        return found

    monkeypatch.setattr(following, "follow_pointer", follow_and_move)
    bf.freeze_block("shop", release=srv / "current")
    assert sys.modules["shop"].foo() == 2
    assert states == [True, True]


@pytest.mark.needs_fork
@pytest.mark.needs_sockets
@pytest.mark.needs_subprocess
def test_a_child_that_has_not_followed_the_pointer_is_starting(workshop: Workshop, tmp_path: Path) -> None:
    for number in (1, 2):
        workshop.version(f"srv/r{number}", {"shop.py": f"def foo(): return {number}\n"})
    srv = workshop.path.parent / "srv"
    bf.point(srv / "current", srv / "r1")
    script = f"""
import os
import blockfreeze as bf
from blockfreeze.coordination.process_link import SocketLink
shop = bf.freeze_block("shop", release={str(srv / "current")!r})
control = bf.serve_control({str(tmp_path / "c")!r})
def state():
    link = SocketLink(control.path)
    found = link.ask({{"do": "status"}}, 20).wait()["blocks"][0]["state"]
    link.close()
    return found
bf.point({str(srv / "current")!r}, {str(srv / "r2")!r})
told = []
bf.subscribe(lambda event: told.append(state()) if isinstance(event, bf.Prepared) else None)
child = os.fork()
if child == 0:
    print(told, state(), shop.foo(), flush=True)
    control.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(told, state(), shop.foo())
"""
    ran = run_python("-c", script)
    assert ran.stdout == "['starting'] serving 2\n[] serving 1\n", ran.stderr
