"""Upgrade packages in a service under load, and say whether the hole is closed and whether a request has failed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.frame.command_line import CommandLine, chosen
from benchmarks.frame.folders import ProvisionError, once, pip
from benchmarks.frame.pages import ROOT, write_into_page
from benchmarks.frame.processes import closed_environment
from benchmarks.frame.tables import Column, Table, Verdict
from benchmarks.frame.telling import numbered, tell, tell_where, write_json
from benchmarks.sweep.subjects import FIXES, Subject, provide, read_subjects

CACHE = Path(tempfile.gettempdir(), "blockfreeze-sweep")
NAME = "upgrades"
CLIENTS = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one upgrade: the answers about the hole, and how many requests were answered and failed."""

    name: str
    about: str
    wrong: str = ""
    seconds: float = 0.0
    answered: int = 0
    failed: tuple[str, ...] = ()
    slowest: float = 0.0

    @property
    def row(self) -> list[str | Verdict]:
        """Return its line of the table."""
        done = [f"{self.answered:,}", str(len(self.failed)), f"{1000 * self.slowest:.0f}", f"{self.seconds:.1f}"]
        closed = Verdict("closed" if not self.wrong else "no" if self.answered else "", not self.wrong)
        return [self.name, self.about, closed, *(done if self.answered else [""] * 4), self.wrong]


@dataclass
class _Load:
    """Clients that ask again and again, each on one connection: what was answered, what failed, and the slowest."""

    port: int
    ended: threading.Event = field(default_factory=threading.Event)
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def ask(self) -> None:
        """Ask until the load ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.ended.is_set():
            began = time.monotonic()
            try:
                connection.request("GET", "/use")
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
                continue
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answered += 1
            if answer.status != 200:
                self.failed.append(body.decode(errors="replace"))
        connection.close()


class _FailedError(Exception):
    """The trial did not come to its end."""


class _Service:
    """The service of one subject, started by ``blockfreeze run`` in an environment that has nothing else."""

    def __init__(self, subject: Subject, folder: Path, tools: Path, python: Path, place: Path) -> None:
        self._port, orders = place / "port", place / "orders.json"
        lines = [*subject.smoke, *subject.hole]
        orders.write_text(json.dumps({"lines": lines, "port": str(self._port)}), encoding="utf-8")
        self.deps, self._sockets = place / "deps", place / "sockets"
        self.deps.mkdir()
        self._log = (place / "log").open("w+b")
        command = [str(python), "-m", "blockfreeze", "run", "--block", subject.module, "--releases", str(self.deps)]
        command += ["--directory", str(self._sockets), "-m", "benchmarks.upgrades.service", str(orders)]
        self._process = subprocess.Popen(
            command, cwd=place, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env=closed_environment([folder, ROOT, tools]),
        )  # fmt: skip

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def port(self, seconds: float) -> int:
        """Return its port, when it listens."""
        until = time.monotonic() + seconds
        while not self._port.exists() or not self._port.read_text():
            if self._process.poll() is not None or time.monotonic() > until:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace").strip().splitlines()
                raise _FailedError(f"the service does not start: {(said or ['it says nothing'])[-1][:200]}")
            time.sleep(0.05)
        return int(self._port.read_text())

    def hole(self) -> str:
        """Return what the program finds of the hole, through what it holds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(1), timeout=60)
        connection.request("GET", "/hole")
        answer = connection.getresponse().read().decode(errors="replace")
        connection.close()
        return answer

    def command(self, *words: str, seconds: float) -> dict[str, Any]:
        """Run the command line, and return what it prints."""
        command = [sys.executable, "-m", "blockfreeze", *words, "--directory", str(self._sockets), "--json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        try:
            ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds, env=environment)
            found: dict[str, Any] = json.loads(ran.stdout)
        except (subprocess.TimeoutExpired, ValueError) as error:
            said = ran.stderr.strip() if isinstance(error, ValueError) else f"not done in {seconds:.0f} s"
            raise _FailedError(f"{words[0]}: {said[-300:]}") from error
        if ran.returncode:
            message = "; ".join(one.get("message") or str(one.get("error")) for one in found.get("blocks", [found]))
            raise _FailedError(f"{words[0]} ended with {ran.returncode}: {message[:300]}")
        return found


@contextmanager
def _loaded(port: int) -> Iterator[_Load]:
    load = _Load(port)
    threads = [threading.Thread(target=load.ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.ended.set()
        for thread in threads:
            thread.join()


def tried(subject: Subject, cache: Path, seconds: float) -> Outcome:
    """Upgrade one package in a service under load, look for the hole, and go back."""
    try:
        folder, newer = provide(subject, cache)
        tools = once(cache / "tools", lambda into: pip("install", "--target", str(into), "click", "packaging", "rich"))
        bare = once(cache / "bare", lambda into: venv.create(into, with_pip=False))
    except ProvisionError as error:
        return Outcome(subject.name, subject.about, f"not to be had: {str(error).splitlines()[-1]}")
    python = bare / "bin" / "python"
    plain = [_plain(subject, python, path, seconds) for path in ([folder], [newer, folder])]
    if plain != ["True", "False"]:
        return Outcome(subject.name, subject.about, f"not judged: plain, the two releases say {' and '.join(plain)}")
    with tempfile.TemporaryDirectory(prefix="bf-") as work:
        service = _Service(subject, folder, tools, python, Path(work))
        try:
            return _upgraded(subject, service, seconds)
        except (_FailedError, OSError, http.client.HTTPException) as error:
            return Outcome(subject.name, subject.about, str(error))
        finally:
            service.end()


def _plain(subject: Subject, python: Path, path: list[Path], seconds: float) -> str:
    """Return what a process says of the hole that has one release and nothing of ours."""
    program = "\n".join([*subject.smoke, *subject.hole, "use()", "print(is_open())"])
    ran = subprocess.run(
        [str(python), "-c", program], check=False, capture_output=True, text=True, timeout=seconds,
        env=closed_environment(path),
    )  # fmt: skip
    return (ran.stdout.split() or ran.stderr.strip().splitlines() or ["nothing"])[-1][:100]


def _upgraded(subject: Subject, service: _Service, seconds: float) -> Outcome:
    port = service.port(seconds)
    before = service.hole()
    with _loaded(port) as load:
        time.sleep(0.5)
        began = time.monotonic()
        told = service.command("upgrade", f"{subject.package}=={subject.new}", seconds=seconds)
        took = time.monotonic() - began
        time.sleep(0.5)
        after = service.hole()
        service.command("rollback", subject.module, seconds=seconds)
        back = service.hole()
    complaints = [
        (before != "True", f"the hole is not open before: {before[:200]}"),
        (after != "False", f"the hole is open through what was held: {after[:200]}"),
        (back != "True", f"after the way back: {back[:200]}"),
        (bool(load.failed), f"requests met {sorted(set(load.failed))[:2]}"),
    ]
    kept = [one for block in told["blocks"] for one in block["unreached"]] if after != "False" else []
    complaints.append((bool(kept), f"as the command says: {'; '.join(kept[:2])}"))
    wrong = "; ".join(said for is_wrong, said in complaints if is_wrong)
    return Outcome(subject.name, subject.about, wrong, took, load.answered, tuple(load.failed), load.slowest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what was asked for; the exit code is 1 if something is not as it should be."""
    line = CommandLine("benchmarks.upgrades", __doc__)
    line.add_only("packages")
    line.add_json("write everything that was found to FILE, after each package")
    line.add_argument("--cache", type=Path, default=CACHE)
    line.add_argument("--skip", type=int, default=0, metavar="N", help="leave the first N pairs out")
    line.add_argument(
        "--page", nargs="+", type=Path, metavar="RESULT", help="write the manual's table from these files"
    )
    line.add_seconds()
    options = line.parse(arguments)
    if options.page:
        found = [Outcome(**one) for file in options.page for one in json.loads(file.read_text(encoding="utf-8"))]
        write_into_page(NAME, _table(found).markdown())
        return 0
    tell_where()
    subjects = [one for one in read_subjects(FIXES) if chosen(one.package, options.only)][options.skip :]
    outcomes: list[Outcome] = []
    for subject in numbered(subjects, lambda one: one.name):
        cache = options.cache.resolve() / f"cp{sys.version_info.major}{sys.version_info.minor}"
        outcomes.append(tried(subject, cache, options.seconds))
        tell(f"  {outcomes[-1].wrong or 'closed'}")
        write_json(options.json, outcomes)
    _table(outcomes).show()
    good = sum(not one.wrong for one in outcomes)
    print(f"{good} of {len(outcomes)}")
    return 0 if good == len(outcomes) else 1


def _table(outcomes: Sequence[Outcome]) -> Table:
    numbers = (Column(head, is_number=True) for head in ("requests", "failed", "slowest, ms", "upgrade, s"))
    return Table(("package", "advisory", "the hole", *numbers, "why not"), [one.row for one in outcomes])


if __name__ == "__main__":
    sys.exit(main())
