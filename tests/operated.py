"""Services that tests operate: a program started by `blockfreeze run`, clients that load it, and the command line.

A release of `shop` answers with four numbers that all tell its version, from several functions: a torn answer shows.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.shapes.served import APPLICATIONS, free_port
from blockfreeze.cli.command_line import main
from blockfreeze.coordination.processes import SocketProcesses, told_by

LIMIT = 60.0

PARTS = """
def frob(a):
    return (a,) * {number}

def bar(them):
    return len(them), {number}

TABLE = {{"late": lambda: {number}}}
"""

APP = """
import os
from .parts import TABLE, bar, frob

def answer():
    first, second = bar(frob(1))
    return f"{{first}} {{second}} {{TABLE['late']()}} {number} {{os.getpid()}}".encode()
{applications}"""

HEALTH = """
from . import app, parts

def check(candidate):
    assert candidate.parts.bar((1,) * {number}) == ({number}, {number})
    assert app.answer().split()[0] == b"{number}"

def refuse(candidate):
    raise AssertionError("this release is refused")
"""


def write_release(directory: Path, number: int, extra: str = "", app: str = APP) -> Path:
    """Write release `number` of the package `shop`; `extra` is appended to its module `parts`, `app` is its `app`."""
    place = directory / f"r{number}" / "shop"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("", encoding="utf-8")
    for name, text in (("parts", PARTS), ("app", app), ("health", HEALTH)):
        (place / f"{name}.py").write_text(
            text.format(number=number, applications=APPLICATIONS) + (extra if name == "parts" else ""), encoding="utf-8"
        )
    return place.parent


class Operated:
    """A program that `blockfreeze run` has started, with its releases `r1` and `r2`, and the pointer `current`.

    Args:
        directory: where the releases are to be.
        command: the program's command line; ``PORT`` in it is replaced by a free port.
        run: options of `blockfreeze run`; the block `shop` with its pointer if None; if empty, it is started without.
        talks: the program answers each line of its input by one of its output.
        app: the text of the module `shop.app`.
    """

    def __init__(
        self,
        directory: Path,
        command: list[str],
        *,
        run: list[str] | None = None,
        talks: bool = False,
        app: str = APP,
    ) -> None:
        self.releases = directory
        self.pointer = directory / "current"
        self.port = free_port()
        # The path of a socket has some hundred bytes, and that of a test's directory may have more.
        self._sockets = tempfile.TemporaryDirectory(prefix="bf-")
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BLOCKFREEZE_DIRECTORY": self._sockets.name,
        }
        for number in (1, 2):
            write_release(directory, number, app=app)
        self.pointer.symlink_to("r1")
        self._log = (directory / "log").open("w+b")
        options = ["--block", "shop", "--release", str(self.pointer)] if run is None else run
        before = [sys.executable, "-m", "blockfreeze", "run", *options] if options else []
        self.program = subprocess.Popen(
            [*before, *(one.replace("PORT", str(self.port)) for one in command)],
            cwd=directory,
            env=self.environment,
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else self._log,
            stderr=self._log,
            text=talks,
        )

    def __enter__(self) -> Operated:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.program.stdin is not None:
            self.program.stdin.close()  # a program that talks ends with its input
        else:
            self.program.terminate()
        try:
            self.program.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
        if self.program.stdout is not None:
            self.program.stdout.close()
        self._log.seek(0)
        if error is not None:
            print(self._log.read().decode(errors="replace"))
        self._log.close()
        self._sockets.cleanup()

    def talk(self) -> str:
        """Give the program a line, and return its answer."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write("\n")
        self.program.stdin.flush()
        return str(self.program.stdout.readline()).strip()

    def started_again(self, command: list[str], run: list[str]) -> str:
        """Start another process of a program that talks, and return what it answers to one line."""
        whole = [sys.executable, "-m", "blockfreeze", "run", *run, *command]
        return subprocess.run(
            whole, cwd=self.releases, env=self.environment, input="\n", text=True, capture_output=True, check=True
        ).stdout.strip()

    @property
    def sockets(self) -> str:
        """Where the control sockets are."""
        return self._sockets.name

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin to run the command line."""
        command = [sys.executable, "-m", "blockfreeze", *arguments]
        return subprocess.Popen(command, cwd=self.releases, env=self.environment)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            [sys.executable, "-m", "blockfreeze", *arguments],
            cwd=self.releases,
            env=self.environment,
            check=False,
            text=True,
            capture_output=True,
            timeout=LIMIT,
        )

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Run a command in this process, which is faster, and return what it prints as JSON."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            ended = main([*arguments, "--directory", self._sockets.name, "--json"])
        assert ended == status, printed.getvalue()
        return json.loads(printed.getvalue())

    def swap(self, number: int, *arguments: str, status: int = 0) -> Any:
        """Swap to a release, and return the outcome."""
        release = str(self.releases / f"r{number}")
        # All workers of a server that recycles them may be starting, for long on a busy machine.
        return self.json("swap", "shop", "--release", release, "--wait", str(LIMIT), *arguments, status=status)

    def answer(self, path: str = "/") -> bytes:
        """Return what the service answers to one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def wait_for(self, count: int) -> list[int]:
        """Wait until so many processes serve the block, and return them."""
        return until(lambda: found if len(found := self.serving()) >= count else [])

    def serving(self, block: str = "shop") -> dict[int, str]:
        """Return the processes that serve the block, each with its release's label."""
        links = SocketProcesses(Path(self._sockets.name)).find()
        told = told_by(links, block)
        for link in links:
            link.close()
        return {
            link.pid: found["label"]
            for link, reply in told.items()
            for found in reply.get("blocks", ())
            if found["state"] != "starting"
        }

    @contextmanager
    def load(self, clients: int = 3) -> Iterator[Tally]:
        """Load the service by threads for the length of a ``with`` statement, and count what it answers."""
        tally = Tally()
        threads = [threading.Thread(target=tally.ask, args=(self.port,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: sum(tally.answers.values()) > 20)
            yield tally
        finally:
            tally.ended.set()
            for thread in threads:
                thread.join(LIMIT)


class Tally:
    """What clients were answered: how often each version, what was torn, and what has failed."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.torn: list[bytes] = []
        self.failed: list[str] = []
        self.ended = threading.Event()

    def ask(self, port: int) -> None:
        """Ask again and again, each time on a connection of its own, until the load ends."""
        while not self.ended.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                continue
            finally:
                connection.close()
            *numbers, _ = body.split()
            if response.status != 200 or len(set(numbers)) != 1:
                self.torn.append(body)
            else:
                self.answers[numbers[0].decode()] += 1


def until(condition: Callable[[], Any]) -> Any:
    """Return what `condition` returns, as soon as that is true; other processes are waited for."""
    end = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found
