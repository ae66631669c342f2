"""The control socket: what a process does when it is asked, what it refuses, and what becomes of it all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_python
from threads import ThreadedCall

import blockfreeze as bf
from blockfreeze.api import following, registry
from blockfreeze.control import frames, listener, place, session
from blockfreeze.control.frames import FrameError, Message
from blockfreeze.control.listener import ControlSocket
from blockfreeze.coordination.process_link import SocketLink
from blockfreeze.coordination.processes import SocketProcesses

pytestmark = [pytest.mark.needs_threads, pytest.mark.needs_sockets]

RELEASES = {
    "r1": "def foo(): return 1\n",
    "r2": "def foo(): return 2\n",
    "r3": "def foo(): return 3\n",
    "broken": "1 / 0\n",
    "torn": "def foo(:\n",
    "spins": "while True: pass\n",
    "waits": "import threading\nthreading.Event().wait(60)\n",
    "checked": (
        "def foo(): return 4\ndef good(candidate): assert candidate.foo() == 4\ndef alone(): assert foo() == 4\n"
        "def bad(candidate): assert False, 'it is bad'\ndef no(): return False\ndef hangs():\n    while True: pass\n"
    ),
}


@pytest.fixture
def srv(workshop: Workshop) -> Path:
    """A directory of releases of the module `shop`, with a pointer to the first one."""
    for name, text in RELEASES.items():
        workshop.version(f"srv/{name}", {"shop.py": text})
    (workshop.path.parent / "srv" / "current").symlink_to("r1")
    return workshop.path.parent / "srv"


@pytest.fixture
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlSocket]:
    """The control socket of this process, in a directory whose path is short enough."""
    directory = tmp_path_factory.mktemp("ctl", numbered=True)
    directory.chmod(0o700)
    served = bf.serve_control(directory)
    yield served
    served.close()
    ended_work()  # what a session has left is undone after its connection: not in the test that follows


@pytest.fixture
def ask(control: ControlSocket, srv: Path) -> Iterator[Callable[..., Message]]:
    """Ask this process as the command line does, on one connection; the block is frozen at the pointer."""
    bf.freeze_block("shop", release=srv / "current")
    with asking(control) as ask:
        yield ask


def foo() -> int:
    found: int = sys.modules["shop"].foo()
    return found


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does by itself."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def ended_work() -> None:
    """Wait until every session's thread has done what it was told, also after its session."""
    until(lambda: not any(one.name == "blockfreeze control work" for one in threading.enumerate()))


@contextmanager
def asking(control: ControlSocket) -> Iterator[Callable[..., Message]]:
    """Ask this process for something of the block `shop` on a connection of its own."""
    link = SocketLink(control.path)
    try:
        yield lambda what, timeout=20.0, **fields: link.ask({"do": what, "block": "shop", **fields}, timeout).wait()
    finally:
        link.close()


def raw(control: ControlSocket) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(control.path))
    connection.settimeout(20)
    return connection


def test_a_candidate_waits_until_it_is_committed(ask: Callable[..., Message], srv: Path) -> None:
    reply = ask("prepare", release=str(srv / "r2"), label="the second")
    assert (reply["ok"], reply["generation"], reply["label"], foo()) == (True, 2, "the second", 1)
    committed = ask("commit")
    assert (committed["ok"], committed["report"]["label"], foo()) == (True, "the second", 2)
    assert ask("done")["ok"]
    (told,) = ask("status")["blocks"]
    assert (told["label"], told["release"], told["generation"]) == ("the second", str(srv / "r2"), 2)
    assert told["previous"]["release"] == str(srv / "r1")


def test_a_candidate_is_discarded(ask: Callable[..., Message], srv: Path) -> None:
    assert ask("prepare", release=str(srv / "r2"))["ok"]
    assert ask("discard")["ok"]
    assert ask("done")["ok"]
    assert (foo(), bf.swap("shop", release=srv / "r3").to_generation) == (1, 3)


def test_a_commit_can_be_taken_back_until_all_is_done(ask: Callable[..., Message], srv: Path) -> None:
    assert ask("prepare", release=str(srv / "r2"))["ok"]
    assert ask("commit")["ok"]
    assert foo() == 2
    assert ask("back")["ok"]
    assert (foo(), len(bf.status("shop").generations)) == (1, 2)


def test_a_rollback_returns_to_the_generation_of_a_release(ask: Callable[..., Message], srv: Path) -> None:
    bf.swap("shop", release=srv / "r2")
    assert ask("rollback", to=str(srv / "r1"))["ok"]
    assert foo() == 1
    assert ask("back")["ok"]
    assert foo() == 2
    assert "no generation of '/nowhere' is kept" in ask("rollback", to="/nowhere")["message"]


def test_following_goes_where_the_pointer_leads(ask: Callable[..., Message], srv: Path) -> None:
    bf.point(srv / "current", srv / "r2")
    reply = ask("follow", pointer=str(srv / "current"))
    assert (reply["changed"], reply["block"]["release"], foo()) == (True, str(srv / "r2"), 2)
    assert ask("follow", pointer=str(srv / "current"))["changed"] is False
    assert "its pointer is not" in ask("follow", pointer="/elsewhere")["message"]


def test_to_follow_is_a_rollback_where_the_release_is_kept(ask: Callable[..., Message], srv: Path) -> None:
    bf.swap("shop", release=srv / "r2")
    assert ask("follow", pointer=str(srv / "current"))["block"]["generation"] == 1


@pytest.mark.parametrize(
    ("release", "error", "message"),
    [
        ("broken", "PrepareError", "ZeroDivisionError"),
        ("torn", "PrepareError", "SyntaxError"),
        ("absent", "PrepareError", "FileNotFoundError"),
    ],
)
def test_a_release_that_cannot_be_built_is_refused(
    ask: Callable[..., Message], srv: Path, release: str, error: str, message: str
) -> None:
    reply = ask("prepare", release=str(srv / release))
    assert (reply["ok"], reply["error"], foo()) == (False, error, 1)
    assert message in reply["message"]
    assert ask("done")["ok"]
    assert ask("prepare", release=str(srv / "r2"))["ok"]


@pytest.mark.parametrize("check", ["good", "alone"])
def test_a_check_of_the_block_sees_the_candidate(ask: Callable[..., Message], srv: Path, check: str) -> None:
    reply = ask("prepare", release=str(srv / "checked"), check=f"shop:{check}", warm_up=f"shop:{check}")
    assert (reply.get("message"), foo()) == (None, 1)
    assert ask("commit")["ok"]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("shop:bad", "it is bad"),
        ("shop:no", "the check returned False"),
        ("shop:absent", "has no attribute 'absent'"),
        ("os:getpid", "no function of the block shop"),
        ("shop", "no function of the block shop"),
    ],
)
def test_a_check_that_fails_refuses_the_release(
    ask: Callable[..., Message], srv: Path, check: str, message: str
) -> None:
    reply = ask("prepare", release=str(srv / "checked"), check=check)
    assert (reply["ok"], foo()) == (False, 1)
    assert message in reply["message"]
    assert ask("done")["ok"]
    assert bf.swap("shop", release=srv / "r2").to_generation > 1


def test_strict_and_the_expected_hash_refuse(ask: Callable[..., Message], srv: Path, workshop: Workshop) -> None:
    workshop.version("srv/less", {"shop.py": "def other(): pass\n"})
    assert ask("prepare", release=str(srv / "less"), strict=True)["error"] == "IncompatibleBlockError"
    assert ask("done")["ok"]
    assert "the hash of the sources is" in ask("prepare", release=str(srv / "r2"), expect_hash="0" * 64)["message"]


def test_health_is_asked_of_what_serves(ask: Callable[..., Message], srv: Path) -> None:
    bf.swap("shop", release=srv / "checked")
    assert ask("health", health="shop:good")["shortcoming"] == ""
    assert "it is bad" in ask("health", health="shop:bad")["shortcoming"]
    assert "returned False" in ask("health", health="shop:no")["shortcoming"]


def test_a_body_that_never_ends_is_given_up_and_its_stack_told(ask: Callable[..., Message], srv: Path) -> None:
    reply = ask("prepare", timeout=0.3, release=str(srv / "spins"))
    assert (reply["ok"], reply["stuck"]) == (False, False)
    assert reply["stack"][-1] == f"{srv / 'spins' / 'shop.py'}:1 in <module>"
    assert "not done in 0.3 s; it was in" in reply["message"]
    assert ask("done")["ok"]
    assert foo() == 1
    assert ask("prepare", release=str(srv / "r2"))["ok"]
    assert ask("commit")["ok"]
    assert foo() == 2


def test_a_check_that_never_ends_is_given_up(ask: Callable[..., Message], srv: Path) -> None:
    reply = ask("prepare", timeout=0.5, release=str(srv / "checked"), check="shop:hangs")
    assert "shop.py" in reply["stack"][-1]
    assert bf.swap("shop", release=srv / "r2").label == "r2"


def test_a_controller_that_is_gone_leaves_no_candidate(control: ControlSocket, srv: Path) -> None:
    bf.freeze_block("shop", release=srv / "current")
    link = SocketLink(control.path)
    assert link.ask({"do": "prepare", "block": "shop", "release": str(srv / "r2")}, 20).wait()["ok"]
    with pytest.raises(bf.SwapInProgressError):
        bf.swap("shop", release=srv / "r3")
    link.close()
    assert bf.swap("shop", release=srv / "r3", wait=20).label == "r3"


def test_a_controller_that_is_gone_ends_a_body_that_never_ends(control: ControlSocket, srv: Path) -> None:
    bf.freeze_block("shop", release=srv / "current")
    with raw(control) as connection:
        frames.write(connection, {"do": "prepare", "block": "shop", "release": str(srv / "spins")}, 4096)
        until(lambda: registry.covering("shop").claim.owner is not None)  # type: ignore[union-attr]
    assert bf.swap("shop", release=srv / "r3", wait=20).label == "r3"


def test_a_commit_whose_controller_is_gone_goes_where_the_pointer_leads(control: ControlSocket, srv: Path) -> None:
    bf.freeze_block("shop", release=srv / "current")
    for pointed_at, found in (("r1", 1), ("r2", 2)):
        link = SocketLink(control.path)
        assert link.ask({"do": "prepare", "block": "shop", "release": str(srv / "r2")}, 20).wait()["ok"]
        assert link.ask({"do": "commit"}, 20).wait()["ok"]
        assert foo() == 2
        bf.point(srv / "current", srv / pointed_at)
        link.close()
        until(lambda: not control._sessions)
        until(lambda: foo() == found)  # noqa: B023 - called at once


def test_a_controller_that_is_silent_for_longer_than_its_lease_is_given_up(control: ControlSocket, srv: Path) -> None:
    bf.freeze_block("shop", release=srv / "current")
    with raw(control) as connection:
        request = {"do": "prepare", "block": "shop", "release": str(srv / "r2"), "lease": 0.2}
        frames.write(connection, request, 4096)
        assert frames.read(connection, 1 << 20, 20)["ok"]
        assert "no frame has begun" in frames.read(connection, 1 << 20, 20)["message"]
    assert bf.swap("shop", release=srv / "r3", wait=20).label == "r3"


def test_while_one_session_waits_another_is_answered(
    ask: Callable[..., Message], control: ControlSocket, srv: Path
) -> None:
    slow = ThreadedCall(lambda: ask("prepare", timeout=1.0, release=str(srv / "spins")))
    other = SocketLink(control.path)
    assert other.ask({"do": "status", "live": True}, 20).wait()["stacks"]
    other.close()
    assert slow.result()["ok"] is False


@pytest.mark.parametrize("where", ["outside", "link out", "module out"])
def test_a_release_outside_of_the_directories_of_releases_is_refused(
    ask: Callable[..., Message], srv: Path, workshop: Workshop, where: str
) -> None:
    outside = workshop.version("outside", {"shop.py": "def foo(): return 666\n"})
    given = outside
    if where == "link out":
        given = srv / "r9"
        given.symlink_to(outside)
    elif where == "module out":
        given = srv / "r9"
        given.mkdir()
        (given / "shop.py").symlink_to(outside / "shop.py")
    reply = ask("prepare", release=str(given))
    assert (reply["ok"], foo()) == (False, 1)
    assert "lies outside of the directories of releases" in reply["message"]


def test_directories_that_are_named_are_the_only_ones(
    srv: Path, workshop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    allowed = workshop.version("allowed/r2", {"shop.py": "def foo(): return 2\n"})
    directory = tmp_path_factory.mktemp("ctl")
    directory.chmod(0o700)
    served = bf.serve_control(directory, releases=[allowed.parent])
    try:
        bf.freeze_block("shop", release=srv / "current")
        link = SocketLink(served.path)
        request = {"do": "prepare", "block": "shop"}
        assert not link.ask(request | {"release": str(srv / "r2")}, 20).wait()["ok"]
        assert link.ask({"do": "done"}, 20).wait()["ok"]
        assert link.ask(request | {"release": str(allowed)}, 20).wait()["ok"]
        link.close()
        with pytest.raises(bf.ControlError, match="has a control socket already, with other settings"):
            bf.serve_control(releases=[srv])
    finally:
        served.close()


def test_without_pointer_and_directories_no_release_is_read(control: ControlSocket, workshop: Workshop) -> None:
    workshop.freeze("shop", "def foo(): return 1\n")
    link = SocketLink(control.path)
    reply = link.ask({"do": "prepare", "block": "shop", "release": str(workshop.path)}, 20).wait()
    assert "no directory was named in which releases may be" in reply["message"]
    link.close()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "there is no request 'None'"),
        ({"do": "explode"}, "there is no request 'explode'"),
        ({"do": ["prepare"]}, "there is no request"),
        ({"do": "_begin"}, "there is no request '_begin'"),
        ({"do": "prepare"}, "the request has no 'block'"),
        ({"do": "prepare", "block": "os"}, "there is no such block"),
        ({"do": "prepare", "block": "shop"}, "the request has no 'release'"),
        ({"do": "prepare", "block": "shop", "release": 7}, "'release' is no printable text"),
        ({"do": "prepare", "block": "shop", "release": "a\0b"}, "'release' is no printable text"),
        ({"do": "prepare", "block": "shop", "release": "/tmp", "timeout": "soon"}, "'timeout' is no number"),
        ({"do": "prepare", "block": "shop", "release": "/tmp", "timeout": -1}, "'timeout' is no number"),
        ({"do": "prepare", "block": "shop", "release": "/tmp", "timeout": True}, "'timeout' is no number"),
        ({"do": "prepare", "block": "shop", "release": "/tmp", "lease": 1e9}, "'lease' is no number"),
        ({"do": "prepare", "block": "shop", "release": "/", "strict": 1}, "FileNotFoundError"),
        ({"do": "commit"}, "there is no candidate to commit"),
        ({"do": "status", "live": "yes"}, "'live' is neither true nor false"),
    ],
)
def test_requests_that_are_not_right_are_named(
    control: ControlSocket, srv: Path, request_: Message, message: str
) -> None:
    bf.freeze_block("shop", release=srv / "current")
    with raw(control) as connection:
        frames.write(connection, request_, 4096)
        reply = frames.read(connection, 1 << 20, 20)
        assert reply["ok"] is False
        assert message in reply["message"] or "outside" in reply["message"]
        frames.write(connection, {"do": "status"}, 4096)
        assert frames.read(connection, 1 << 20, 20)["ok"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\xff\xff",
        (1 << 20).to_bytes(4, "big"),
        b"\0\0\0\x02{]",
        b"\0\0\0\x02[]",
        b"\0\0\0\x01\xff",
        (60000).to_bytes(4, "big") + b"[" * 60000,
        (6000).to_bytes(4, "big") + b"1" * 6000,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_frame_ends_its_connection_alone(control: ControlSocket, content: bytes) -> None:
    with raw(control) as connection:
        connection.sendall(content)
        assert frames.read(connection, 1 << 20, 20)["error"] == "FrameError"
        with suppress(ConnectionResetError):  # so the kernel says that something was not read any more
            assert connection.recv(1) == b""
    with raw(control) as connection:
        frames.write(connection, {"do": "status"}, 4096)
        assert frames.read(connection, 1 << 20, 20)["ok"]


def test_a_slow_writer_is_given_up(control: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PATIENCE", 0.1)
    with raw(control) as connection:
        connection.sendall(b"\0\0")
        until(lambda: not control._sessions)
        assert frames.read(connection, 1 << 20, 20)["error"] == "FrameError"


def test_no_more_sessions_than_there_may_be(control: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_AT_ONCE", 1)
    with raw(control) as first:
        frames.write(first, {"do": "status"}, 4096)
        assert frames.read(first, 1 << 20, 20)["ok"]
        with raw(control) as second:
            assert "there are 1 sessions already" in frames.read(second, 1 << 20, 20)["message"]
            assert second.recv(1) == b""
    until(lambda: not control._sessions)


def test_another_user_is_refused(control: ControlSocket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with raw(control) as connection:
        reply = frames.read(connection, 1 << 20, 20)
        assert reply["ok"] is False
        assert "is another one than this process's (12345)" in reply["message"]
        assert connection.recv(1) == b""


def test_the_socket_and_its_directory_are_the_users_alone(control: ControlSocket) -> None:
    assert control.path.stat().st_mode & 0o777 == 0o600
    assert control.path.parent.stat().st_mode & 0o777 == 0o700
    assert place.process_of(control.path) == os.getpid()


@pytest.mark.parametrize("kind", ["open", "file", "link", "foreign"])
def test_a_directory_that_others_can_enter_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "ctl"
    if kind == "file":
        directory.write_text("", encoding="utf-8")
    elif kind == "link":
        (tmp_path / "real").mkdir(mode=0o700)
        directory.symlink_to(tmp_path / "real")
    else:
        directory.mkdir(mode=0o700)
        directory.chmod(0o755 if kind == "open" else 0o700)
    if kind == "foreign":
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(bf.ControlError, match="control directory"):
        bf.serve_control(directory)
    assert registry.control() is None


def test_where_the_sockets_are_by_default(tmp_path: Path) -> None:
    assert place.default_directory({"XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/blockfreeze")
    named = {"XDG_RUNTIME_DIR": "/run/user/7", place.VARIABLE: str(tmp_path)}
    assert place.default_directory(named) == tmp_path
    assert place.default_directory({}).name == f"blockfreeze-{os.geteuid()}"


def test_a_second_call_returns_the_same_socket(control: ControlSocket) -> None:
    assert bf.serve_control() is control
    assert "closed" not in repr(control)


@pytest.mark.skipif(sys.platform != "linux", reason="a directory that is open has a short name on Linux alone")
def test_the_directory_may_have_a_long_path(tmp_path: Path, srv: Path) -> None:
    directory = tmp_path / ("a" * 120) / ("b" * 120)
    directory.mkdir(parents=True)
    directory.chmod(0o700)
    served = bf.serve_control(directory)
    bf.freeze_block("shop", release=srv / "current")
    link = SocketLink(served.path)
    try:
        assert served.path.parent == directory
        assert link.ask({"do": "status", "block": "shop"}, 20).wait()["ok"]
    finally:
        link.close()
        served.close()
    assert list(directory.iterdir()) == []


def test_nothing_is_left_of_a_socket_that_was_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("ctl")
    directory.chmod(0o700)
    before = threading.active_count()
    served = bf.serve_control(directory)
    with raw(served) as connection:
        until(lambda: served._sessions)
        served.close()
        served.close()
        assert connection.recv(1) == b""
    assert list(directory.iterdir()) == []
    assert registry.control() is None
    until(lambda: threading.active_count() <= before)


def test_sockets_of_processes_that_were_killed_are_removed(control: ControlSocket) -> None:
    dead = control.path.with_name("4194300.00000000.sock")
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    gone.bind(str(dead))
    gone.close()
    links = SocketProcesses(control.path.parent).find()
    assert [link.pid for link in links] == [os.getpid()]
    assert not dead.exists()
    for link in links:
        link.close()


@settings(max_examples=150)
@given(st.binary(max_size=60))
def test_whatever_is_read_it_is_a_message_or_refused(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(FrameError):
            assert isinstance(frames.read(ours, 40, 1.0), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *("block", "release", "label", "check", "timeout", "lease"),
    *("strict", "to", "quiesce", "health", "wait", "pointer"),
)
REQUESTS = st.dictionaries(
    st.sampled_from(FIELDS),
    JSON | st.sampled_from(["shop", "/", ".", "shop:foo", "os:abort"]),
    max_size=6,
)


@pytest.fixture
def served_session(srv: Path, tmp_path: Path) -> Iterator[session.Session]:
    bf.freeze_block("shop", release=srv / "current")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        one = session.Session(ours, tmp_path, ())
        yield one
        one._end()


def test_whatever_is_asked_it_is_answered_and_the_block_serves(served_session: session.Session) -> None:
    @settings(max_examples=300)
    @given(st.sampled_from([*served_session._worked, "status", "renew", "x"]), REQUESTS)
    def try_one(what: str, fields: dict[str, Any]) -> None:
        reply = served_session._answer({"timeout": 5, "do": what, **fields})
        json.dumps(reply)
        assert isinstance(reply["ok"], bool)
        assert foo() == 1

    try_one()


@pytest.mark.needs_fork
@pytest.mark.needs_subprocess
def test_a_child_of_a_fork_has_a_socket_of_its_own_and_follows_the_pointer(srv: Path, tmp_path: Path) -> None:
    script = f"""
import os, sys, threading, warnings
warnings.simplefilter("error")
import blockfreeze as bf
shop = bf.freeze_block("shop", release={str(srv / "current")!r})
directory = {str(tmp_path / "c")!r}
control = bf.serve_control(directory)
candidate_of_the_parent = []
from blockfreeze.coordination.process_link import SocketLink
link = SocketLink(control.path)
assert link.ask({{"do": "prepare", "block": "shop", "release": {str(srv / "r3")!r}}}, 20).wait()["ok"]
warnings.simplefilter("ignore")  # the link and the session are threads
bf.point({str(srv / "current")!r}, {str(srv / "r2")!r})
child = os.fork()
if child == 0:
    mine = bf.serve_control(directory)
    own = mine.path.name.startswith(f"{{os.getpid()}}.") and mine.path.exists()
    print("child", own, shop.foo(), bf.status(shop).generations[-1].label, flush=True)
    mine.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("parent", shop.foo(), link.ask({{"do": "commit"}}, 20).wait()["ok"], shop.foo())
link.close()
"""
    ran = run_python("-c", script)
    assert ran.stdout == "child True 2 r2\nparent 1 True 3\n", ran.stderr
    assert list((tmp_path / "c").iterdir()) == []


@pytest.mark.needs_fork
@pytest.mark.needs_subprocess
def test_a_process_with_a_control_socket_forks_as_one_thread(srv: Path, tmp_path: Path) -> None:
    script = f"""
import os, warnings
warnings.simplefilter("error")
import blockfreeze as bf
bf.serve_control({str(tmp_path / "c")!r})
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
print("forked", bf.serve_control().path.exists())
"""
    ran = run_python("-c", script)
    assert (ran.stdout, ran.stderr) == ("forked True\n", "")


@pytest.mark.needs_subprocess
def test_the_thread_ends_with_the_program(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import blockfreeze as bf; print(bf.serve_control({str(tmp_path / 'c')!r}).path)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert not Path(run.stdout.strip()).exists()
    assert run.stderr == ""


def test_who_has_not_looked_at_the_pointer_once_more_is_starting(
    workshop: Workshop, srv: Path, control: ControlSocket
) -> None:
    link = SocketLink(control.path)
    told: list[Message] = []

    def tell(event: bf.Event) -> None:
        if isinstance(event, bf.Prepared):
            requests = {"do": "status"}, {"do": "follow", "block": "shop", "pointer": str(srv / "current")}
            told.extend(link.ask(request, 20).wait() for request in requests)

    unsubscribe = bf.subscribe(tell)
    second = str(srv / "r2")
    move = f"import blockfreeze\nblockfreeze.point({str(srv / 'current')!r}, {second!r})\ndef foo(): return 0\n"
    (srv / "current").unlink()
    (srv / "current").symlink_to(workshop.version("srv/r0", {"shop.py": move}))
    bf.freeze_block("shop", release=srv / "current")
    unsubscribe()
    assert [one["state"] for one in told[0]["blocks"]] == ["starting"]
    assert "it is being imported, and follows the pointer then" in told[1]["message"]
    (now,) = link.ask({"do": "status"}, 20).wait()["blocks"]
    assert (now["release"], now["state"], foo()) == (second, "serving", 2)
    link.close()


def test_a_process_that_can_start_no_thread_any_more_ends_the_connection(
    ask: Callable[..., Message], srv: Path, control: ControlSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(name: str) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(session, "Work", start)
    with raw(control) as connection:
        request = {"do": "prepare", "block": "shop", "release": str(srv / "r2")}
        frames.write(connection, request, frames.REQUEST_LIMIT)
        assert connection.recv(1) == b""  # it is about to be gone, which is no refusal of the release
    assert foo() == 1


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"close_code": 999}, "is none of 1000"),
        ({"close_code": True}, "is none of"),
        ({"cancel_tasks": 1}, "neither true"),
    ],
)
def test_what_those_who_linger_are_asked_is_checked(
    ask: Callable[..., Message], given: dict[str, Any], complaint: str
) -> None:
    assert complaint in ask("drain", seconds=1.0, **given)["message"]


@pytest.mark.needs_event_loop
@pytest.mark.parametrize("request_of", ["drain", "done"])
def test_tasks_that_linger_are_cancelled_on_request(
    ask: Callable[..., Message], srv: Path, workshop: Workshop, request_of: str
) -> None:
    import asyncio

    waits = "import asyncio\nasync def wait(): await asyncio.sleep(3600)\n"
    assert ask("prepare", release=str(workshop.version("srv/w1", {"shop.py": waits})))["ok"]
    assert ask("commit")["ok"]
    assert ask("done")["ok"]

    async def main() -> None:
        task = asyncio.create_task(sys.modules["shop"].wait())
        await asyncio.sleep(0)
        for what in ("prepare", "commit"):
            reply = await asyncio.to_thread(ask, what, release=str(srv / "r2"))
            assert reply["ok"]
        await asyncio.to_thread(ask, request_of, seconds=10.0, close_code=1012, cancel_tasks=True)
        await asyncio.wait([task], timeout=20)
        assert task.cancelled()

    asyncio.run(main())
    assert ask("done")["ok"]


HANGS = {
    "a body": "from shop_gate import wait\nwait()\nclass Till:\n    def total(self): return 9\n",
    "a body that has replaced a class": (
        "from shop_gate import wait\nclass Till:\n    def total(self): return 9\n    def more(self): return 9\n"
        "NEW = {}\nwait()\n"
    ),
    "a body that catches everything": (
        "from shop_gate import wait\ntry: wait()\nexcept BaseException: pass\n"
        "class Till:\n    def total(self): return 9\n    def more(self): return 9\n"
    ),
    "the body of a class": (
        "from shop_gate import wait\nclass Till:\n    try: wait()\n    except BaseException: pass\n"
        "    def total(self): return 9\n"
    ),
    "a metaclass": (
        "from shop_gate import wait\nclass Meta(type):\n    def __new__(cls, *given):\n        wait()\n"
        "        return super().__new__(cls, *given)\nclass Till(metaclass=Meta):\n    def total(self): return 9\n"
    ),
    "a check": (
        "from shop_gate import wait\nclass Till:\n    def total(self): return 9\ndef check(candidate): wait()\n"
    ),
    "a check that catches everything": (
        "from shop_gate import wait\nclass Till:\n    def total(self): return 9\n"
        "def check(candidate):\n    try: wait()\n    except BaseException: pass\n"
    ),
    "a warm-up": (
        "from shop_gate import wait\nclass Till:\n    def total(self): return 9\ndef warm(candidate): wait()\n"
    ),
}

TILL = "class Till:\n    def total(self): return {0}\ntill = Till()\ncount = 0\ndef foo(): return till.total()\n"


@pytest.mark.parametrize("where", HANGS)
def test_what_hangs_in_c_is_told_by_its_stack_and_given_up(
    control: ControlSocket, srv: Path, workshop: Workshop, where: str
) -> None:
    workshop.write(
        "shop_gate.py", "import threading\nLOCK = threading.Lock()\nLOCK.acquire()\ndef wait(): LOCK.acquire()\n"
    )
    first, second, third = (
        str(workshop.version(f"srv/till{number}", {"shop.py": TILL.format(number)})) for number in (1, 2, 3)
    )
    hanging = str(workshop.version("srv/hangs", {"shop.py": HANGS[where] + "till = Till()\ndef foo(): return 9\n"}))
    named = {"check": "shop:check"} if "check" in where else {"warm_up": "shop:warm"} if "warm" in where else {}
    bf.freeze_block("shop", release=first)
    bf.swap("shop", release=second)
    till, known = sys.modules["shop"].till, set(vars(sys.modules["shop"].Till))

    with asking(control) as ask:
        told = ask("prepare", timeout=2.0, release=hanging, **named)
        assert told["stuck"]
        assert "in wait" in told["stack"][-1]
        assert "it hangs there, and was given up" in told["message"]
        assert (foo(), till.total(), set(vars(type(till)))) == (2, 2, known)
        with asking(control) as other:  # the way back is open, and so is the way on
            assert other("rollback")["ok"]
            assert other("done")["ok"]
            assert foo() == 1
            assert other("prepare", release=third)["ok"]
            assert other("commit")["ok"]
            assert other("done")["ok"]
            assert foo() == 3
        sys.modules["shop_gate"].LOCK.release()  # it gets out of there too late to change anything
    ended_work()
    assert (foo(), till.total(), set(vars(type(till)))) == (3, 3, known)
    assert not hasattr(sys.modules["shop"], "NEW")
    bf.drain("shop", timeout=60)
    bf.rollback("shop")
    assert (foo(), till.total(), set(vars(type(till)))) == (1, 1, known)


def test_who_waits_for_what_hangs_to_import_a_member_goes_on_when_it_is_given_up(
    control: ControlSocket, workshop: Workshop
) -> None:
    workshop.write("shop_gate.py", "import threading\nLOCK = threading.Lock()\nLOCK.acquire()\n")
    first, hangs = (
        workshop.version(
            f"srv/{name}",
            {
                "shop/__init__.py": "def late():\n    from . import parts\n    return parts.NUMBER\n" + text,
                "shop/parts.py": "NUMBER = 1\n",
                "shop/inner.py": "import shop_gate\nshop_gate.LOCK.acquire()\n",
            },
        )
        for name, text in (("first", ""), ("hangs", "from . import inner\n"))
    )
    bf.freeze_block("shop", release=first)
    with asking(control) as ask:

        def in_inner() -> bool:
            return any(one.f_code.co_filename.endswith("inner.py") for one in sys._current_frames().values())

        asked = ThreadedCall(lambda: ask("prepare", timeout=3.0, release=str(hangs)))
        until(in_inner)
        late = ThreadedCall(sys.modules["shop"].late)
        assert asked.result()["stuck"]
        assert late.result() == 1
        sys.modules["shop_gate"].LOCK.release()
    ended_work()
    assert sys.modules["shop"].late() == 1


def test_what_is_begun_for_a_service_is_settled_before_the_next_one_begins(
    control: ControlSocket, srv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bf.freeze_block("shop", release=srv / "current")
    is_back, goes_on, real = threading.Event(), threading.Event(), following.rollback

    def slow(*args: Any, **options: Any) -> Any:
        report = real(*args, **options)
        is_back.set()
        assert goes_on.wait(60)
        return report

    monkeypatch.setattr(following, "rollback", slow)
    request = {"do": "prepare", "block": "shop", "release": str(srv / "r2")}
    killed, first, second = (SocketLink(control.path) for _ in range(3))
    assert killed.ask(request, 20).wait()["ok"]
    assert killed.ask({"do": "commit"}, 20).wait()["ok"]
    killed.close()
    assert is_back.wait(60)
    # It is where the pointer leads, and whoever has brought it there has yet to look at the pointer once more.
    refused = first.ask(request, 0.3).wait()
    assert (refused["error"], foo()) == ("SwapInProgressError", 1)
    assert "may take that back yet" in refused["message"]
    prepared, committed = second.ask(request, 20), second.ask({"do": "commit"}, 20)
    goes_on.set()
    assert prepared.wait()["ok"]
    assert committed.wait()["ok"]
    first.close()
    assert foo() == 2
    bf.point(srv / "current", srv / "r2")
    second.close()
    ended_work()
    assert foo() == 2


def test_nobody_follows_the_pointer_while_a_commit_is_not_settled(
    ask: Callable[..., Message], control: ControlSocket, srv: Path
) -> None:
    assert ask("prepare", release=str(srv / "r2"))["ok"]
    assert ask("commit")["ok"]
    other = SocketLink(control.path)
    follow = {"do": "follow", "block": "shop", "pointer": str(srv / "current")}
    refused = other.ask(follow, 0.3).wait()
    assert (refused["ok"], refused["concerned"], foo()) == (False, True, 2)
    follows = other.ask(follow, 20)
    bf.point(srv / "current", srv / "r2")
    assert ask("done")["ok"]
    assert (follows.wait()["changed"], foo()) == (False, 2)
    other.close()


def test_what_the_program_has_swapped_to_meanwhile_is_not_taken_back(ask: Callable[..., Message], srv: Path) -> None:
    assert ask("prepare", release=str(srv / "r2"))["ok"]
    assert ask("commit")["ok"]
    bf.swap("shop", release=srv / "r3")
    assert ask("back")["error"] == "NoSuchGenerationError"
    assert foo() == 3
