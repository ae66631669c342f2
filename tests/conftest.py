"""What every test may use: `workshop`, a place to write modules and import them; and marks for what a platform lacks.

``needs_threads``, ``needs_event_loop``, ``needs_fork`` and ``needs_subprocess`` skip a test where the thing cannot be
done, which is found out by doing it and not from the platform's name.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from linked_in_session import linked_modules_in
from living import shop, watch  # noqa: F401 - fixtures
from pairs import forget_block

import blockfreeze as bf
from blockfreeze.api import registry
from blockfreeze.core.hidden import HiddenObjects

# The machine that runs the suite may be slow or busy; that says nothing about the code. The same examples every time:
# a change is judged by what it changes. The profile `thorough` looks for new ones.
hypothesis.settings.register_profile(
    "any machine", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@cache
def _threads_start() -> bool:
    thread = threading.Thread(target=int)
    try:
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


@cache
def _processes_fork() -> bool:
    try:
        child = os.fork()
    except (AttributeError, OSError):
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


@cache
def _processes_start() -> bool:
    try:
        subprocess.run([sys.executable, "-c", ""], check=True)
    except OSError:
        return False
    return True


@cache
def _sockets_open() -> bool:
    try:
        for one in socket.socketpair(socket.AF_UNIX):
            one.close()
    except (AttributeError, OSError):
        return False
    return True


@cache
def _frameworks_exist() -> bool:
    names = (
        "celery",
        "click",
        "django",
        "fastapi",
        "flask",
        "httpx",
        "prometheus_client",
        "pydantic",
        "sqlalchemy",
        "typer",
    )
    return all(importlib.util.find_spec(name) for name in names)


@cache
def _signatures_exist() -> bool:
    return importlib.util.find_spec("cryptography") is not None


@cache
def _servers_exist() -> bool:
    return all(importlib.util.find_spec(name) for name in ("gunicorn", "hypercorn", "uvicorn", "websockets"))


@cache
def _browser_exists() -> bool:
    found = all(shutil.which(name) for name in ("chromium", "chromedriver")) and importlib.util.find_spec("selenium")
    return bool(found) and os.environ.get("BLOCKFREEZE_BROWSER") != "no"


@cache
def _redis_exists() -> bool:
    found = shutil.which("redis-server") is not None and importlib.util.find_spec("redis") is not None
    return found and os.environ.get("BLOCKFREEZE_REDIS") != "no"


@cache
def _graphviz_exists() -> bool:
    return shutil.which("dot") is not None and importlib.util.find_spec("graphviz") is not None


@cache
def _event_loops_run() -> bool:
    async def probe() -> bool:
        await asyncio.sleep(0)
        return True

    found = probe()
    try:
        return asyncio.run(found) is True
    except (RuntimeError, OSError):
        return False
    finally:
        found.close()


@cache
def _library_has_its_tests() -> bool:
    return importlib.util.find_spec("test") is not None and importlib.util.find_spec("test.test_textwrap") is not None


_NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "needs_frameworks": (_frameworks_exist, "the extra `frameworks` is not installed"),
    "needs_library_tests": (_library_has_its_tests, "the standard library's own tests are not installed"),
    "needs_threads": (_threads_start, "threads cannot be started here"),
    "needs_event_loop": (_event_loops_run, "asyncio cannot run an event loop of ours here"),
    "needs_fork": (_processes_fork, "processes cannot be forked here"),
    "needs_redis": (_redis_exists, "redis-server, or the extra `redis`, is not installed, or BLOCKFREEZE_REDIS=no"),
    "needs_signatures": (_signatures_exist, "the extra `sign` is not installed"),
    "needs_browser": (_browser_exists, "Chromium, its driver or selenium is not installed, or BLOCKFREEZE_BROWSER=no"),
    "needs_graphviz": (_graphviz_exists, "Graphviz's program `dot`, or the extra `graph`, is not installed"),
    "needs_servers": (_servers_exist, "the extra `servers` is not installed"),
    "needs_sockets": (_sockets_open, "Unix sockets cannot be opened here"),
    "needs_subprocess": (_processes_start, "processes cannot be started here"),
}


_SESSION = ExitStack()


def pytest_configure() -> None:
    place = _SESSION.enter_context(TemporaryDirectory(prefix="blockfreeze-linked-"))
    _SESSION.enter_context(linked_modules_in(Path(place)))


def pytest_unconfigure() -> None:
    _SESSION.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark, (exists, reason) in _NEEDS.items():
            if item.get_closest_marker(mark) is not None and not exists():
                item.add_marker(pytest.mark.skip(reason=reason))


class NothingOfBlocks(HiddenObjects):
    """What this file hides from the collector are no calls of blocks: drains need not look for such."""

    __slots__ = ()

    def there_are(self) -> bool:
        return False


def pytest_collection_finish() -> None:
    """Take what pytest and the imports have made out of the collector's sight; each drain would walk through it."""
    registry._frozen = NothingOfBlocks()
    # Hypothesis asks the collector who refers to its random generator when it makes it, at the first example.
    hypothesis.given(hypothesis.strategies.none())(lambda _: None)()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _no_file_slows_the_next() -> Iterator[None]:
    """Take what the tests of a file leave for the process out of the collector's sight too: syntax trees, imports."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def leaves_nothing_to_search() -> Iterator[None]:
    """Do so after each test, where a file has hundreds that swap: blocks last as long as their process."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def hidden_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let drains look for calls that `gc.freeze` has hidden, as where anything is frozen."""
    monkeypatch.setattr(registry, "_frozen", HiddenObjects())


@pytest.fixture(autouse=True)
def _no_block_outlives_its_test() -> Iterator[None]:
    before = registry.all_blocks()
    yield
    for block in registry.all_blocks():
        if block not in before:
            forget_block(block)


class Workshop:
    """A directory on `sys.path` where a test writes modules; every module of it is forgotten afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._roots: set[str] = set()

    def write(self, file: str, source: str) -> Path:
        """Write a source file, ``shop.py`` or ``shop/models.py``, with its directories; return its path."""
        return self._write(self.path, file, source)

    def version(self, directory: str, files: dict[str, str]) -> Path:
        """Write files where imports do not look, to be the source of a swap; return that directory."""
        place = self.path.parent / directory
        for file, source in files.items():
            self._write(place, file, source)
        return place

    def freeze(self, name: str, source: str, **options: Any) -> ModuleType:
        """Write a module and import it as a block."""
        self.write(f"{name}.py", source)
        return bf.freeze_block(name, **options)

    def load(self, name: str) -> ModuleType:
        """Import a module that was written here, or return it if it is loaded."""
        return importlib.import_module(name)

    def forget(self) -> None:
        """Remove every module and package that was written here from `sys.modules`."""
        for name in filter(self._is_mine, list(sys.modules)):
            del sys.modules[name]

    def _is_mine(self, name: str) -> bool:
        return name.partition(".")[0] in self._roots

    def _write(self, place: Path, file: str, source: str) -> Path:
        path = place / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source), encoding="utf-8")
        self._roots.add(Path(file).parts[0].removesuffix(".py"))
        # Finders remember a directory's listing by its time stamp, which two quick writes can share.
        importlib.invalidate_caches()
        return path


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "workshop")
    made.path.mkdir()
    monkeypatch.syspath_prepend(made.path)
    # A .pyc is keyed by seconds and size: it would hide an edit that a test makes at once.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield made
    made.forget()
