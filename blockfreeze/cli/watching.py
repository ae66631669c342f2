"""The command `watch`: each save is in the running program, whose connections and state stay.

A program is started as by `run`, and what is saved is a swap of all its processes: files that are saved together are
one. What cannot be swapped in is shown, and what serves goes on serving.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from blockfreeze.cli.running import command_line
from blockfreeze.cli.showing import differences
from blockfreeze.cli.watched_files import digest_of, directory_of, files_of, source_of, syntax_errors
from blockfreeze.control.startup import Startup
from blockfreeze.coordination.outcome import ServiceOutcome
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.processes import SocketProcesses
from blockfreeze.coordination.service import Service
from blockfreeze.core.errors import ControlError

_WITHOUT_LIBRARY: Final = "`blockfreeze watch` needs watchfiles: pip install 'blockfreeze[watch]'"

_TOGETHER: Final = 50
"""Files that are saved within so many milliseconds after one another are one swap."""

_ENDING: Final = 10.0
"""How long the program may take to end when it is told to, in seconds."""

_TIMEOUT: Final = 60.0
"""Seconds for each step of a swap in each process."""

_KEYS: Final = "b and Enter: back to the version before; r and Enter: start the program anew; q and Enter: end"


@dataclass(frozen=True)
class _Saved:
    files: frozenset[str]


@dataclass(frozen=True)
class _Typed:
    key: str


@dataclass(frozen=True)
class _Ended:
    program: subprocess.Popen[bytes]


_Event = _Saved | _Typed | _Ended


@click.command(
    short_help="run a program, and swap what is saved into it",
    context_settings={"ignore_unknown_options": True},
    epilog=f"Example: blockfreeze watch shop -- uvicorn shop.app:app. Keys: {_KEYS}.",
)
@click.argument("package", metavar="PKG")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The directory in which PKG is.  [default: where it is imported from]",
)
@click.option("--keys/--no-keys", default=True, help="Listen to keys, or leave the input to the program.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def watch(package: str, source: Path | None, command: tuple[str, ...], *, keys: bool) -> int:
    """Start COMMAND as `run` does, with the module or package PKG as a block, and swap PKG whenever one of its files is
    saved. Connections and state stay. Files saved together are one swap; what cannot be swapped in is shown, and the
    version before goes on. If the program fails, the next save starts it again.
    """
    try:
        import watchfiles
    except ImportError:
        raise ControlError(_WITHOUT_LIBRARY) from None
    place = source_of(package) if source is None else source.absolute()
    inside = files_of(package, place)
    events: queue.Queue[_Event] = queue.Queue()
    # A directory of its own: another program that has the block is not meant.
    with tempfile.TemporaryDirectory(prefix="blockfreeze-watch-") as sockets, _ended_by_signals():
        startup = Startup({package: ""}, sockets, (str(place),))
        program = _Program(command, startup.environment(os.environ), events, listens=not keys)
        stop = threading.Event()

        def look() -> None:
            for changes in watchfiles.watch(
                directory_of(package, place),
                watch_filter=lambda _, file: inside(file),
                step=_TOGETHER,
                stop_event=stop,
                raise_interrupt=False,
            ):
                events.put(_Saved(frozenset(file for _, file in changes)))

        looking = threading.Thread(target=look, name="blockfreeze watch")
        looking.start()
        if keys:
            threading.Thread(target=_read_keys, args=(events,), name="blockfreeze keys", daemon=True).start()
        try:
            _say(f"{package} in {place} is watched" + (f"; {_KEYS}" if keys else ""))
            program.start()
            return _Watching(package, place, Path(sockets), program).until_it_ends(events)
        except KeyboardInterrupt:
            return 130
        finally:
            stop.set()
            program.end()
            looking.join()


class _Watching:
    """What is done at each event."""

    def __init__(self, package: str, source: Path, sockets: Path, program: _Program) -> None:
        self._package = package
        self._source = source
        self._sockets = sockets
        self._program = program
        self._unserved: set[str] = set()  # the files that have been saved since the last swap that was done
        self._serving = digest_of(self._package, self._source)  # of the files that serve; empty if that is not known

    def until_it_ends(self, events: queue.Queue[_Event]) -> int:
        """Follow the events until the program has come to its end, and return its exit status."""
        while True:
            event = events.get()
            if isinstance(event, _Saved):
                self._saved(event.files)
            elif isinstance(event, _Ended):
                status = self._program.status_of(event.program)
                if status == 0:
                    return 0
                if status is not None:
                    _say(f"the program has ended with status {status}; the next save starts it again", "red")
            elif event.key == "q":
                return 0
            elif event.key == "b":
                if self._ask("back", lambda service: service.rollback("", list(service.links))):
                    self._serving = ""
            elif event.key == "r":
                self._program.end()
                self._start()

    def _saved(self, files: Iterable[str]) -> None:
        names = ", ".join(sorted({os.path.relpath(file, self._source) for file in files}))
        if not self._program.runs:
            _say(f"{names}: the program is started again")
            self._start()
            return
        self._unserved.update(files)
        digest = digest_of(self._package, self._source)
        if digest == self._serving:
            # A swap would be one more version, and the way back would lead to the same.
            _say(f"{names}: as it serves already", "green")
            self._unserved.clear()
        elif self._ask(names, lambda service: service.swap()):
            self._serving = digest
            self._unserved.clear()
        for line in syntax_errors(sorted(self._unserved)):
            _say(line)

    def _start(self) -> None:
        self._serving = digest_of(self._package, self._source)
        self._program.start()

    def _ask(self, what: str, do: Callable[[Service], ServiceOutcome]) -> bool:
        """Swap or roll back in all processes of the program, say what came of it, and return whether it was done."""
        plan = Plan(self._package, {"release": str(self._source), "label": what[:60]}, timeout=_TIMEOUT, wait=0.0)
        try:
            service = Service(SocketProcesses(self._sockets), plan)
            service.join()
            outcome = do(service)
        except ControlError as error:
            _say(f"{what}: {error}", "yellow")
            return False
        if not outcome.done:
            _say(f"{what}: refused, the version before serves: {outcome.message}", "red")
            return False
        count = len(outcome.processes)
        there = "" if count == 1 else f" in {count} processes"
        _say(f"{what}: serves{there} after {outcome.seconds * 1000:.0f} ms", "green")
        for line in differences(outcome.differences) if outcome.differences else ():
            _say(f"  {line}")
        return True


class _Program:
    """The program that runs, if one does."""

    def __init__(
        self, command: tuple[str, ...], environment: dict[str, str], events: queue.Queue[_Event], *, listens: bool
    ) -> None:
        self._command = command_line(command)
        self._environment = environment
        self._events = events
        self._listens = listens
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it, and tell when it has ended."""
        stdin = None if self._listens else subprocess.DEVNULL
        started = self._running = subprocess.Popen(self._command, env=self._environment, stdin=stdin)

        def wait() -> None:
            started.wait()
            self._events.put(_Ended(started))

        threading.Thread(target=wait, name="blockfreeze program", daemon=True).start()

    def status_of(self, ended: subprocess.Popen[bytes]) -> int | None:
        """Return the exit status of a program that has ended; None if it was ended to start it anew."""
        return ended.returncode if ended is self._running else None

    def end(self) -> None:
        """Let it end, if it runs: kindly at first."""
        running, self._running = self._running, None
        if running is None or running.poll() is not None:
            return
        running.terminate()
        try:
            running.wait(_ENDING)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _read_keys(events: queue.Queue[_Event]) -> None:
    with suppress(OSError, ValueError):
        for line in sys.stdin:
            events.put(_Typed(line.strip().lower()[:1]))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let who tells the command to end reach the program as well."""
    import signal

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str, colour: str | None = None) -> None:
    click.secho(f"[{time.strftime('%H:%M:%S')}] {text}", fg=colour, err=True)
