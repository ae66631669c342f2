"""The process that gets the bad input: it serves a block, and an audit hook tells what runs in its control threads."""

from __future__ import annotations

import io
import math
import os
import resource
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from benchmarks.bad_input.inputs import damaged, frame, framed
from benchmarks.frame.task import carry_out

AT_ONCE = 12
"""How many frames a connection brings, at most."""

_THROUGH = 50
"""One in so many connections is one to the control socket."""

_RUNS = frozenset(
    (
        *("exec", "compile", "marshal.loads", "marshal.load", "pickle.find_class", "code.__new__", "function.__new__"),
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"),
        *("os.remove", "os.rename", "os.mkdir"),
    )
)
"""Events of the interpreter: code is made or run, a process is started, or something is changed on the disk."""


class _Runs:
    """What ran that may not, in whatever thread."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.is_on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and event in _RUNS and not _imports_library():
            self.found[f"{event} {arguments!r:.80}"] += 1


def _imports_library() -> bool:
    """Tell whether a module of the standard library, or of ours, is imported, as some requests are the first to do."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load" and "name" in frame.f_locals:
            top = str(frame.f_locals["name"]).partition(".")[0]
            return top in sys.stdlib_module_names or top in ("blockfreeze", "cryptography", "encodings")
        frame = frame.f_back
    return False


def _releases(place: Path) -> list[str]:
    """Write a release that may be read, and others that may not; return the paths of these."""
    for name, number in (("srv/r1", 1), ("outside", 666)):
        (place / name).mkdir(parents=True)
        (place / name / "shop.py").write_text(f"import sys\nsys.ran = {number}\ndef foo(): return {number}\n")
    (place / "srv" / "current").symlink_to("r1")
    (place / "srv" / "out").symlink_to(place / "outside")
    (place / "srv" / "half").mkdir()
    (place / "srv" / "half" / "shop.py").symlink_to(place / "outside" / "shop.py")
    (place / "srv" / "pointer").write_text(str(place / "outside"))
    inside = [str(place / "srv" / name) for name in ("out", "half", "pointer", "../outside", "absent")]
    return [*inside, str(place / "outside"), "/", "/etc/passwd", "/dev/zero", "", "\0", "x" * 4000]


def frames(count: int, seed: int, within: float = math.inf) -> dict[str, Any]:
    """Send frames to this process until so many were answered; it must answer to the last.

    Most are read by a session in this thread, which saves the changes of threads; some come over the control socket.
    """
    import blockfreeze as bf

    with tempfile.TemporaryDirectory(prefix="bf-") as work:
        place = Path(work)
        bad = _releases(place)
        shop = bf.freeze_block("shop", release=place / "srv" / "current")
        control = bf.serve_control(place / "sockets")
        random, told, runs = Random(seed), Counter[str](), _Runs()
        silent, _other_side = socket.socketpair()
        runs.is_on, began, memory = True, time.monotonic(), [_memory()]
        while told["frames"] < count and time.monotonic() - began < within:
            some = [frame(random, bad) for _ in range(random.randrange(1, AT_ONCE))]
            whole = told["connections"] % _THROUGH == 0
            answered = _over_socket(str(control.path), some) if whole else _in_place(place / "sockets", some, silent)
            told["frames"] += answered
            told["over the socket"] += answered if whole else 0
            told["connections"] += 1
            if told["connections"] % 1000 == 0:
                memory.append(_memory())
                assert (shop.foo(), vars(sys)["ran"]) == (1, 1)
        runs.is_on = False
        alive = _over_socket(str(control.path), [framed(b'{"do": "renew"}')] * 2)
        until = time.monotonic() + 20
        while (threads := _control_threads()) > 1 and time.monotonic() < until:
            time.sleep(0.05)  # sessions end by themselves
        return {
            **told, "seconds": time.monotonic() - began, "ran": dict(runs.found), "alive": alive == 2,
            "serves": shop.foo() == 1 and vars(sys)["ran"] == 1, "memory": memory, "threads": threads,
        }  # fmt: skip


def _control_threads() -> int:
    return sum(one.name.startswith("blockfreeze control") for one in threading.enumerate())


def _over_socket(path: str, some: list[bytes]) -> int:
    """Send frames on one connection to the control socket, and return how many were answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(path)
        answered = b""
        with suppress(ConnectionResetError, BrokenPipeError):  # it has ended the connection, with what it had not read
            connection.sendall(b"".join(some))
            connection.shutdown(socket.SHUT_WR)
            answered = _rest(connection)
    return _count(answered)


class _Kept:
    """Stands for a connection on which everything has come, and whose other side is there: answers are kept."""

    def __init__(self, content: bytes, silent: socket.socket) -> None:
        self._content = io.BytesIO(content)
        self._silent = silent
        self.answered = bytearray()

    def recv(self, size: int) -> bytes:
        return self._content.read(size)

    def sendall(self, content: bytes) -> None:
        self.answered += content

    def settimeout(self, seconds: float | None) -> None:
        """Nothing is waited for."""

    def fileno(self) -> int:
        return self._silent.fileno()

    def close(self) -> None:
        """Nothing is open."""


def _in_place(directory: Path, some: list[bytes], silent: socket.socket) -> int:
    """Let a session read frames and answer them here, and return how many were answered."""
    from blockfreeze.control.session import Session

    connection: Any = _Kept(b"".join(some), silent)
    Session(connection, directory, ()).serve()
    return _count(connection.answered)


def _rest(connection: socket.socket) -> bytes:
    found = bytearray()
    while part := connection.recv(1 << 16):
        found += part
    return bytes(found)


def _count(answered: bytes | bytearray) -> int:
    count = at = 0
    while at + 4 <= len(answered):
        at += 4 + int.from_bytes(answered[at : at + 4], "big")
        count += 1
    return count


class _InMemory:
    """Stands for the path of a file: to write each artifact to a disk takes three times as long as to verify it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def open(self, mode: str) -> io.BytesIO:
        """Open what the file has now."""
        return io.BytesIO(self.content)


def artifacts(count: int, seed: int, within: float = math.inf) -> dict[str, Any]:
    """Load damaged artifacts; each is refused, or is the whole one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from blockfreeze.releases.artifact import Artifact, this_python, written
    from blockfreeze.releases.keys import Trust
    from blockfreeze.releases.refusal import ReleaseRefusedError

    key = Ed25519PrivateKey.generate()
    trust = Trust(signed=True, keys=(key.public_key(),))
    forms = {"shop": {"form": "shop.linked"}}
    members = {"shop.py": b"def foo(): return 1\n", "shop.linked": bytes(range(256))}
    whole = written(["shop"], members, {this_python(): forms}, label="r1", sign=key.sign)
    file: Any = _InMemory(whole)
    expected = vars(Artifact(file, trust))
    random, told, runs = Random(seed), Counter[str](), _Runs()
    began, memory = time.monotonic(), [_memory()]
    runs.is_on = True
    warnings.simplefilter("ignore")  # of zipfile, about names that are there twice
    while told["artifacts"] < count and time.monotonic() - began < within:
        file.content = damaged(random, whole)
        told["artifacts"] += 1
        try:
            found = vars(Artifact(file, trust))
        except ReleaseRefusedError:
            told["refused"] += 1
        else:
            told["whole" if found == expected else "ANOTHER"] += 1
        if told["artifacts"] % 20000 == 0:
            memory.append(_memory())
    runs.is_on = False
    return {**told, "seconds": time.monotonic() - began, "ran": dict(runs.found), "memory": memory}


def idle(seconds: float) -> dict[str, Any]:
    """Return what a control socket costs this process while nothing is asked."""
    import blockfreeze as bf

    with tempfile.TemporaryDirectory(prefix="bf-") as work:
        before = _memory()
        control = bf.serve_control(Path(work, "sockets"))
        after = _memory()
        used, switches = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        time.sleep(seconds)
        used = time.process_time() - used
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - switches
        control.close()
    return {"kibibytes": after - before, "processor": used, "switches": switches, "seconds": seconds}


def _memory() -> int:
    """Return the memory of this process that is not shared, in KiB."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGESIZE") // 1024


def work(what: str, **orders: Any) -> dict[str, Any]:
    """Do one of the above."""
    trials: dict[str, Callable[..., dict[str, Any]]] = {"frames": frames, "artifacts": artifacts, "idle": idle}
    return trials[what](**orders)


if __name__ == "__main__":
    carry_out(work)
