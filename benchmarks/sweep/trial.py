"""One subject in a process of its own: what is imported from it is frozen, used, swapped, and used again.

It starts with nothing on its path but the subject's folder and the project.
"""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import Any

from benchmarks.frame.task import carry_out

STEPS = ("swap", "swap again", "roll back")


class _Users:
    """Threads that go on using what was made, and what they have met."""

    def __init__(self, use: Callable[[], object], count: int) -> None:
        self.ended = threading.Event()
        self.raised: list[str] = []
        self._use = use
        self._threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _go_on(self) -> None:
        while not self.ended.is_set():
            try:
                self._use()
            except Exception as error:
                self.raised.append(_said(error))

    def end(self) -> None:
        """Wait until none of them uses it any more."""
        self.ended.set()
        for thread in self._threads:
            thread.join(30)


def _said(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" at {frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in last)
    return f"{type(error).__name__}: {str(error)[:200]}{place}"


def _made(lines: Sequence[str]) -> dict[str, Any]:
    """Do what the lines say in a module of their own, and return it."""
    module = sys.modules["sweep_program"] = ModuleType("sweep_program")
    namespace = vars(module)
    exec(compile("\n".join(lines), "<program>", "exec"), namespace)
    return namespace


def _afresh(smoke: Sequence[str]) -> object:
    return _made(smoke)["use"]()


def _found(use: Callable[[], object]) -> str:
    try:
        return repr(use())
    except Exception as error:
        return _said(error)


def plain(module: str, smoke: list[str]) -> dict[str, str]:
    """Use the package as it is, twice."""
    importlib.import_module(module)
    made = _made(smoke)
    return {"first": _found(made["use"]), "again": _found(made["use"])}


def swept(module: str, smoke: list[str]) -> dict[str, Any]:
    """Freeze the package, and use it between swaps."""
    import blockfreeze as bf

    block = bf.freeze_block(module, history=3)
    importlib.import_module(module)
    held = _made(smoke)
    found: dict[str, Any] = {"frozen": [_found(held["use"])] * 2, "error": ""}
    for step in STEPS:
        try:
            report = bf.rollback(block) if step == "roll back" else bf.swap(block)
            found["afresh"] = [*found.get("afresh", ()), *map(str, report.afresh)]
        except Exception as error:
            found["error"] = f"{step}: {_said(error)}"
            break
        with suppress(bf.DrainTimeoutError):
            bf.drain(block, timeout=20)
        found[step] = [_found(held["use"]), _found(partial(_afresh, smoke))]
    return found


def fixed(
    module: str, smoke: list[str], hole: list[str], newer: str, converters: list[str], quiesce: float | None
) -> dict[str, Any]:
    """Freeze the release with the hole, use it in threads, and swap it for the one without."""
    import blockfreeze as bf

    block = bf.freeze_block(module, history=3)
    importlib.import_module(module)
    held = _made([*smoke, *hole])
    found: dict[str, Any] = {"before": [_found(held["use"]), _found(held["is_open"])], "error": ""}
    users = _Users(held["use"], 2)
    try:
        given = _made(converters).get("converters")
        found["report"] = str(bf.swap(block, source=newer, converters=given, quiesce=quiesce))
        with suppress(bf.DrainTimeoutError):
            bf.drain(block, timeout=20)
        found["after"] = [_found(held["use"]), _found(held["is_open"]), _found(_made([*smoke, *hole])["is_open"])]
        bf.rollback(block)
        found["back"] = [_found(held["use"]), _found(held["is_open"])]
    except Exception as error:
        found["error"] = _said(error)
    users.end()
    return {**found, "raised": sorted(set(users.raised))}


def work(what: str, **orders: Any) -> dict[str, Any]:
    """Do one of the above."""
    trials: dict[str, Callable[..., dict[str, Any]]] = {"plain": plain, "swept": swept, "fixed": fixed}
    return trials[what](**orders)


if __name__ == "__main__":
    carry_out(work)
