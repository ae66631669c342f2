"""The services: a package of which any number of releases can be written, and the servers that serve it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

from benchmarks.frame.pages import ROOT
from benchmarks.operate.client import Found
from benchmarks.operate.releases import PROGRAMS, write_release
from benchmarks.shapes.served import free_port
from blockfreeze.coordination.plan import Plan
from blockfreeze.coordination.processes import SocketProcesses
from blockfreeze.coordination.service import Service
from blockfreeze.core.errors import ControlError
from blockfreeze.releases.pointer import point

__all__ = ["KINDS", "Kind", "Running", "started"]

_GUNICORN: Final = ("gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "--no-control-socket", "--log-level", "error")
_GTHREAD: Final = (*_GUNICORN, "-k", "gthread", "--threads", "4")
_UVICORN: Final = ("uvicorn", "--port", "PORT", "--log-level", "critical")
_HYPERCORN: Final = ("hypercorn", "-w", "2", "-b", "127.0.0.1:PORT", "--log-level", "critical")
_GRANIAN: Final = ("granian", "--workers", "2", "--host", "127.0.0.1", "--port", "PORT", "--no-log")


@dataclass(frozen=True)
class Kind:
    """A server, and how its program is replaced: ``swap``, ``HUP``, ``file`` (it watches) or ``link`` (so does it)."""

    name: str
    command: tuple[str, ...]
    how: str = "swap"


KINDS: Final = (
    Kind("gunicorn sync", (*_GUNICORN, "shop.app:app")),
    Kind("gunicorn gthread", (*_GTHREAD, "shop.app:app")),
    Kind("gunicorn gthread --preload", (*_GTHREAD, "--preload", "shop.app:app")),
    Kind("uvicorn --workers 2", (*_UVICORN, "--workers", "2", "shop.app:asgi")),
    Kind("hypercorn -w 2", (*_HYPERCORN, "shop.app:asgi")),
    Kind("granian ASGI", (*_GRANIAN, "--interface", "asgi", "shop.app:asgi")),
    Kind("granian WSGI", (*_GRANIAN, "--interface", "wsgi", "shop.app:app")),
    Kind("gunicorn gthread --max-requests 500", (*_GTHREAD, "--max-requests", "500", "shop.app:app")),
    Kind("Flask on gunicorn gthread", (*_GTHREAD, "shop.in_flask:app")),
    Kind("Django on gunicorn gthread", (*_GTHREAD, "shop.in_django:app")),
    Kind("Django async on uvicorn", (*_UVICORN, "shop.in_django:asgi")),
    Kind("FastAPI on uvicorn --workers 2", (*_UVICORN, "--workers", "2", "shop.in_fastapi:app")),
    Kind("a plain asyncio server", ("serving", "PORT")),
    Kind("a pool of spawned processes", ("serving", "PORT", "pool")),
    Kind("gunicorn gthread: HUP", (*_GTHREAD, "shop.app:app"), "HUP"),
    Kind("uvicorn: --reload", (*_UVICORN, "--reload", "--reload-dir", "watched", "shop.app:asgi"), "file"),
    Kind("gunicorn gthread: importlib.reload", (*_GTHREAD, "reloading:app"), "link"),
)


class Loading:
    """A load that is under way, in a process of its own."""

    def __init__(self, port: int, connections: int, seconds: float) -> None:
        command = [sys.executable, "-m", "benchmarks.operate.client", str(port), str(connections), str(seconds)]
        self._told = TemporaryFile("w+")  # noqa: SIM115 - closed by `found`; a pipe would hold it up when it is full
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._told)

    def lasts(self) -> bool:
        """Tell whether it goes on."""
        return self._process.poll() is None

    def found(self) -> Found:
        """Return what it has found, when it has ended."""
        self._process.wait()
        with self._told as told:
            told.seek(0)
            return Found(**json.load(told))


class Running:
    """A service that runs in a directory: its current release is `number`."""

    def __init__(self, kind: Kind, place: Path, sockets: Path) -> None:
        self.kind = kind
        self.number = 1
        self.refused = 0
        self._place = place
        self._sockets = sockets
        self.port = free_port()
        (place / "watched").mkdir()
        for name, text in PROGRAMS.items():
            (place / f"{name}.py").write_text(text, encoding="utf-8")
        point(place / "current", self._release(1))
        run = ["-m", "blockfreeze", "run", "--block", "shop", "--release", str(place / "current")]
        served = ["-m", *(one.replace("PORT", str(self.port)) for one in kind.command)]
        paths = [str(ROOT), *([] if kind.how == "swap" else [str(place / "current")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",  # a .pyc is keyed by seconds, and a release may come sooner than that
            "BLOCKFREEZE_DIRECTORY": str(sockets),
        }
        self.program = subprocess.Popen(
            [sys.executable, *(run if kind.how == "swap" else ()), *served],
            cwd=place,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def replace(self) -> None:
        """Bring the service to the next release."""
        release = self._release(self.number + 1)
        if self.kind.how == "swap":
            service = Service(SocketProcesses(self._sockets), Plan("shop", {"release": str(release.resolve())}))
            try:
                service.join()
                done = service.swap().done
            except ControlError:
                done = False
            self.refused += not done
            self.number += done
            return
        self.number += 1
        point(self._place / "current", release)
        if self.kind.how == "HUP":
            self.program.send_signal(signal.SIGHUP)
        elif self.kind.how == "file":
            (self._place / "watched" / "now.py").write_text(str(self.number), encoding="utf-8")

    def load(self, connections: int, seconds: float) -> Loading:
        """Begin to load it."""
        return Loading(self.port, connections, seconds)

    def _release(self, number: int) -> Path:
        return write_release(self._place / f"r{number}", number)


@contextmanager
def started(kind: Kind) -> Iterator[Running]:
    """Start a service, and yield it when it answers; end it at the end of a ``with`` statement."""
    with TemporaryDirectory(prefix="bf-") as place, TemporaryDirectory(prefix="bf-") as sockets:
        running = Running(kind, Path(place), Path(sockets))
        try:
            until = time.monotonic() + 60
            while running.load(2, 0.5).found().answers < 10:
                if time.monotonic() > until or running.program.poll() is not None:
                    raise RuntimeError(f"{kind.name}: it does not answer")
            yield running
        finally:
            running.program.terminate()
            try:
                running.program.wait(40)
            except subprocess.TimeoutExpired:
                running.program.kill()
                running.program.wait()
