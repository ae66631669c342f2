"""Bad input: what nobody honest would send or load runs no code, and the process serves on; and another user's process.

`python -m benchmarks.bad_input` does the same a million times; here each test has a few hundred.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import ROOT

import blockfreeze as bf
from benchmarks.bad_input import trial
from benchmarks.bad_input.__main__ import wrong_with
from benchmarks.frame.processes import ask
from blockfreeze.control import frames
from blockfreeze.control.work import Work

pytestmark = [pytest.mark.needs_threads, pytest.mark.needs_sockets]


@pytest.mark.needs_subprocess
@pytest.mark.parametrize("what", ["frames", pytest.param("artifacts", marks=pytest.mark.needs_signatures)])
@pytest.mark.parametrize("count", [400, pytest.param(1_000_000, marks=pytest.mark.exhaustive)])
def test_bad_input_runs_nothing_and_the_process_serves_on(what: str, count: int) -> None:
    found = ask("benchmarks.bad_input.trial", {"what": what, "count": count, "seed": 1}, seconds=max(120, count / 20))
    assert wrong_with(found) == ""
    assert found[what] >= count


@pytest.mark.needs_subprocess
def test_the_judge_notices_what_runs(tmp_path: Path) -> None:
    """The hook that finds nothing in bad input finds what is there, but for imports of the standard library."""
    script = f"""
import sys; sys.path[:0] = {[str(ROOT), str(tmp_path)]!r}
from benchmarks.bad_input.trial import _Runs
runs = _Runs()
runs.is_on = True
import wave
assert not runs.found, runs.found
import evil
exec("1")
runs.is_on = False
print(sorted(one.split()[0] for one in runs.found))
"""
    (tmp_path / "evil.py").write_text("", encoding="utf-8")
    ran = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "['compile', 'compile', 'exec', 'exec']\n"
    assert wrong_with({"ran": {"exec": 1}, "memory": [1]}).startswith("code ran")
    assert "has grown" in wrong_with({"ran": {}, "memory": [100] * 20 + [200]})
    assert trial.AT_ONCE > 1


class _HeldBack:
    """A queue whose items come when they are let go."""

    def __init__(self, own: queue.SimpleQueue[Any]) -> None:
        self.get = own.get
        self._own = own
        self._held: list[Any] = []
        self.put = self._held.append

    def let_go(self) -> None:
        self._own.put(self._held.pop())


@pytest.fixture
def held_back() -> Iterator[tuple[Work, Callable[[], None]]]:
    """A work thread that gets what was begun when it is told to."""
    work = Work("held back")
    held: Any = _HeldBack(work._tasks)
    work._tasks = held
    yield work, held.let_go
    work.end()
    held.let_go()
    work._thread.join(20)


def test_what_is_given_up_before_it_has_begun_never_begins(held_back: tuple[Work, Callable[[], None]]) -> None:
    work, let_go = held_back
    called: list[int] = []
    for number in range(3):
        ended = work.begin(lambda number=number: called.append(number))  # type: ignore[misc]
        if number != 1:
            assert work.interrupt()
        let_go()
        assert ended.wait(20)
        assert work.is_idle
    assert called == [1]


USERS = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(type(error).__name__)
else:
    connection.settimeout(20)
    print(connection.recv(4096)[4:].decode(), connection.recv(1) == b"")
"""


@pytest.mark.needs_subprocess
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone can become another user")
@pytest.mark.parametrize("is_open", [False, True])
def test_a_process_of_another_user_is_refused(*, is_open: bool) -> None:
    """By the directory's mode; and by what the kernel says of it, if somebody has opened both for others."""
    with tempfile.TemporaryDirectory() as place:
        served = bf.serve_control(Path(place) / "c")
        try:
            if is_open:
                for one, mode in ((Path(place), 0o755), (Path(place) / "c", 0o755), (served.path, 0o666)):
                    one.chmod(mode)
            ran = subprocess.run(
                [sys.executable, "-c", USERS, str(served.path)], capture_output=True, text=True, check=True, cwd="/"
            )
            if is_open:
                assert "user 65534 is another one than this process's (0)" in ran.stdout
                assert ran.stdout.startswith("connected")
                assert ran.stdout.endswith("True\n")
            else:
                assert ran.stdout == "PermissionError\n"
            with socket.socket(socket.AF_UNIX) as own:
                own.connect(str(served.path))
                frames.write(own, {"do": "status"}, 4096)
                assert frames.read(own, 1 << 20, 20)["ok"]
        finally:
            served.close()


@settings(max_examples=200)
@given(st.binary(max_size=80), st.integers(1, 80))
def test_a_frame_may_come_in_pieces(content: bytes, size: int) -> None:
    ours, theirs = socket.socketpair()
    whole = frames.encode({"x": content.hex()}, 4096)

    def send() -> None:
        for at in range(0, len(whole), size):
            theirs.sendall(whole[at : at + size])

    with ours, theirs:
        sender = threading.Thread(target=send)
        sender.start()
        assert frames.read(ours, 4096, 20.0) == {"x": content.hex()}
        sender.join()
