"""What the standard library holds of a block: handlers, hooks, queued work and callbacks run the new version."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import logging
import multiprocessing
import sched
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Workshop
from frameworks import follow, second, statements
from processes import run_python
from threads import LIMIT

import blockfreeze as bf

WORK = """
import blockfreeze as bf

seen = bf.defvar("seen", list)

def mark():
    return "1"

def work(word="said "):
    seen.append(word + mark())
    return word + mark()

def done(future):
    seen.append("done " + mark())

class Job:
    def work(self):
        return work("method ")

    def __call__(self):
        return work("called ")

async def later(wait):
    before = mark()
    await wait()
    return before + mark()

def slowly(arrived, go_on):
    before = mark()
    arrived.set()
    go_on.wait()
    return before + mark()
"""
NEW = second(WORK)


@pytest.fixture
def jobs(workshop: Workshop) -> Any:
    return workshop.freeze("jobs_to_do", WORK)


LOGGING = """
import logging
import blockfreeze as bf

seen = bf.defvar("seen", list)

def mark():
    return "1"

class Handler(logging.Handler):
    def emit(self, record):
        seen.append("said " + mark() + " " + self.format(record))

class Formatter(logging.Formatter):
    def format(self, record):
        return mark() + " " + record.getMessage()

class Filter(logging.Filter):
    def filter(self, record):
        record.msg += mark()
        return True

def function(record):
    record.msg += mark()
    return True

log = logging.getLogger("a block's")

def set_up():
    handler = Handler()
    handler.setFormatter(Formatter())
    handler.addFilter(Filter())
    log.addFilter(function)
    log.addHandler(handler)
    return handler

handler = HANDLER
"""


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    found = logging.getLogger("a block's")
    found.propagate, found.level = False, logging.INFO
    yield found
    found.handlers.clear()
    found.filters.clear()


def test_handlers_filters_and_formatters_that_are_set_up_once_are_current(
    workshop: Workshop, log: logging.Logger
) -> None:
    text = LOGGING.replace("HANDLER", 'bf.defvar("handler", set_up)')
    module = workshop.freeze("logs", text)

    def answers() -> list[str]:
        log.info("x")
        return [module.seen[-1]]

    report = follow(module, text, answers, ["said 1 1 x11"], ["told 2 2 x22"])
    assert [one for one in log.handlers if isinstance(one, module.Handler)] == [module.handler]
    assert (report.done_again, report.unreached) == ((), ())


def test_a_handler_that_each_generation_sets_up_is_added_again_and_the_report_says_so(
    workshop: Workshop, log: logging.Logger
) -> None:
    text = LOGGING.replace("handler = HANDLER", "log.addHandler(Handler())")
    module = workshop.freeze("logs", text)
    report = bf.swap(module, source=second(text))
    log.info("x")
    assert module.seen == ["told 2 x", "told 2 x"]
    assert statements(report) == ["log.addHandler(Handler())"]


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="signals cannot be raised here")
def test_signal_handlers_and_exception_hooks_are_current(
    jobs: Any, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "import signal, sys\nimport blockfreeze as bf\n\nseen = bf.defvar('seen', list)\n\n"
        'def mark():\n    return "1"\n\ndef on_signal(number, frame):\n    seen.append("said " + mark())\n\n'
        "def on_error(*found):\n    seen.append('error ' + mark())\n\n"
        "signal.signal(signal.SIGINT, on_signal)\nsys.excepthook = on_error\n"
    )
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    workshop.write("hooks_of_process.py", text)
    try:
        module = bf.freeze_block("hooks_of_process")

        def answers() -> list[str]:
            signal.raise_signal(signal.SIGINT)
            sys.excepthook(ValueError, ValueError(), None)
            return list(module.seen[-2:])

        report = follow(module, text, answers, ["said 1", "error 1"], ["told 2", "error 2"])
        assert statements(report) == ["signal.signal(signal.SIGINT, on_signal)", "sys.excepthook = …"]
    finally:
        signal.signal(signal.SIGINT, before)


def said(workshop: Workshop, code: str) -> list[str]:
    """Return the lines that a process of its own prints, which has to end well."""
    done = run_python("-c", code, cwd=workshop.path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


AT_EXIT = """
import atexit
import blockfreeze as bf

def mark():
    return "1"

@atexit.register
@bf.entry
def once():
    print("once " + mark())

def plain():
    print("plain " + mark())

atexit.register(plain)
"""


@pytest.mark.needs_subprocess
def test_what_is_registered_for_the_exit_runs_once_above_entry_and_otherwise_once_for_each_generation(
    workshop: Workshop,
) -> None:
    workshop.write("leaving.py", AT_EXIT)
    workshop.version("next", {"leaving.py": second(AT_EXIT)})
    code = (
        "import blockfreeze as bf\nmodule = bf.freeze_block('leaving')\n"
        "report = bf.swap(module, source='../next')\nprint(*(one.partition(': ')[2] for one in report.done_again))\n"
    )
    assert said(workshop, code) == ["atexit.register(plain)", "plain 2", "plain 2", "once 2"]


AT_FORK = """
import os
import threading
lock = threading.Lock()

def told():
    os.write(1, b"told by VERSION\\n")  # at once: the parent writes as well

os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
os.register_at_fork(after_in_child=told)
if VERSION > 2:
    os.register_at_fork(after_in_parent=told)
"""


@pytest.mark.needs_fork
def test_what_is_registered_for_forks_is_registered_once_and_is_the_version_that_serves(workshop: Workshop) -> None:
    def of(number: int) -> str:
        return AT_FORK.replace("VERSION", str(number))

    workshop.write("forking.py", of(1))
    for number in (2, 3):
        workshop.version(f"v{number}", {"forking.py": of(number)})
    code = """
import os, warnings
import blockfreeze as bf
warnings.simplefilter("ignore", DeprecationWarning)
def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
module = bf.freeze_block("forking")
fork()
for version in ("v2", "v3", "v3"):
    report = bf.swap(module, source=f"../{version}")
    os.write(1, " ".join([version, *report.done_again, "\\n"]).encode())
    fork()
try:
    bf.swap(module, source="import os; os.register_at_fork(after_in_parent=print); raise ValueError")
except bf.PrepareError:
    os.write(1, b"failed\\n")
"""
    first = ["told by 1", "v2", "told by 2"]
    found = [line.strip() for line in said(workshop, code)]
    assert sorted(found) == sorted([*first, *(["v3"] + ["told by 3"] * 2) * 2, "failed"])


@pytest.mark.needs_threads
def test_queued_work_of_an_executor_is_run_by_the_new_version_and_what_runs_ends_in_the_old_one(jobs: Any) -> None:
    arrived, go_on, job = threading.Event(), threading.Event(), jobs.Job()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(jobs.slowly, arrived, go_on)
        assert arrived.wait(LIMIT)
        queued = [pool.submit(one) for one in (jobs.work, job.work, job, functools.partial(jobs.work, "partial "))]
        queued[-1].add_done_callback(jobs.done)
        report = bf.swap(jobs, source=NEW)
        assert [(one.kind, one.function) for one in report.lingering] == [("thread", "slowly")]
        go_on.set()
        assert running.result() == "11"
        assert [one.result() for one in queued] == ["told 2", "method 2", "called 2", "partial 2"]
    assert jobs.seen[-1] == "done 2"
    bf.drain(jobs, timeout=LIMIT)


@pytest.mark.needs_fork
def test_the_processes_of_a_pool_are_swapped_each_by_itself(jobs: Any) -> None:
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(jobs.work, "x").result() == "x1"
        bf.swap(jobs, source=NEW)
        assert jobs.work("x") == "x2"
        assert pool.submit(jobs.work, "x").result() == "x1"  # that process has not been swapped
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(jobs.work, "x").result() == "x2"


@pytest.mark.needs_threads
def test_timers_schedules_and_finalizers_call_the_new_version(jobs: Any) -> None:
    class Anything:
        pass

    thing, job = Anything(), jobs.Job()
    timer = threading.Timer(0, jobs.work, ["timer "])
    schedule = sched.scheduler()
    schedule.enter(0, 1, jobs.work, ("schedule ",))
    schedule.enter(0, 2, job.work)
    weakref.finalize(thing, jobs.work, "finalizer ")
    bf.swap(jobs, source=NEW)
    timer.start()
    timer.join(LIMIT)
    schedule.run()
    del thing
    assert jobs.seen == ["timer 2", "schedule 2", "method 2", "finalizer 2"]


@pytest.mark.needs_event_loop
def test_callbacks_of_an_event_loop_are_current_and_tasks_end_in_the_version_in_which_they_were_made(jobs: Any) -> None:
    async def main() -> list[str]:
        loop, go_on = asyncio.get_running_loop(), asyncio.Event()
        begun, not_begun = (asyncio.create_task(jobs.later(go_on.wait)) for _ in range(2))
        not_begun_yet = asyncio.create_task(jobs.later(go_on.wait))
        await asyncio.wait([begun], timeout=0)
        called = loop.create_future()
        loop.call_soon(jobs.work, "soon ")
        loop.call_later(0, jobs.work, "later ")
        loop.call_later(0, lambda: loop.call_soon(called.set_result, None))
        begun.add_done_callback(jobs.done)
        report = bf.swap(jobs, source=NEW)
        assert {(one.kind, one.function) for one in report.lingering} == {("task", "later")}
        go_on.set()
        await called
        found = [await one for one in (begun, not_begun, not_begun_yet)]
        return [*found, await jobs.later(go_on.wait)]

    assert asyncio.run(main()) == ["11", "11", "11", "22"]
    assert sorted(jobs.seen) == ["done 2", "later 2", "soon 2"]
    bf.drain(jobs, timeout=LIMIT)


@pytest.mark.needs_event_loop
@pytest.mark.needs_threads
def test_work_that_a_loop_hands_to_its_executor_is_current(jobs: Any) -> None:
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        found = [await loop.run_in_executor(None, jobs.work)]
        bf.swap(jobs, source=NEW)
        return [*found, await loop.run_in_executor(None, jobs.work), await asyncio.to_thread(jobs.work)]

    assert asyncio.run(main()) == ["said 1", "told 2", "told 2"]


def test_context_managers_and_partials_that_are_held_call_the_new_version(jobs: Any) -> None:
    held = functools.partial(jobs.work, "partial ")
    with contextlib.ExitStack() as stack:
        stack.callback(jobs.work, "callback ")
        bf.swap(jobs, source=NEW)
        assert held() == "partial 2"
    assert jobs.seen[-1] == "callback 2"
