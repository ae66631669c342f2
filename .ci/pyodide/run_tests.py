"""Runs inside Pyodide: pytest in the mounted checkout, then a list of exactly what was skipped, and why."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest


class NoSockets:
    """The part of a selector that an event loop without files and sockets needs: to wait."""

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for the time that the loop has nothing to do."""
        if timeout:
            time.sleep(timeout)
        return []


class Loop(asyncio.BaseEventLoop):
    """An event loop of Python's own. Pyodide's hands over to JavaScript's, which does not turn while Python runs."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = NoSockets()

    def _process_events(self, events: list[Any]) -> None:
        assert not events

    def _write_to_self(self) -> None:
        """Wake nobody: there is one thread."""


class LoopPolicy(asyncio.events._AbstractEventLoopPolicy):
    """Makes `asyncio.run` use `Loop`."""

    _loop: asyncio.AbstractEventLoop | None = None

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that was set."""
        if self._loop is None:
            raise RuntimeError("There is no current event loop")
        return self._loop

    def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Remember the loop."""
        self._loop = loop

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a new loop."""
        return Loop()


class Skipped:
    """A pytest plugin that lists each skipped test; pytest's own summary counts them by line."""

    def __init__(self) -> None:
        self.reasons: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a skipped test."""
        self._remember(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a skipped file."""
        self._remember(report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the list."""
        for reason, tests in self.reasons.items():
            terminalreporter.section(f"skipped, {reason}: {len(tests)}")
            for test in tests:
                terminalreporter.write_line(test)

    def _remember(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            self.reasons.setdefault(reason, []).append(report.nodeid)


def main(arguments: Sequence[str]) -> int:
    """Run pytest and return its exit status."""
    asyncio._set_running_loop(None)  # Pyodide declares its own loop to be running for ever.
    asyncio.events._set_event_loop_policy(LoopPolicy())
    sys.path.insert(0, "/checkout")
    print(f"CPython {sys.version.split()[0]} on {sys.platform}")
    status = int(pytest.main(["-p", "no:cacheprovider", "-rfE", *arguments], plugins=[Skipped()]))
    sys.stdout.flush()
    return status
