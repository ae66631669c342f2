"""One run of one suite, in its own process: ``python -m benchmarks.fidelity.worker ORDERS FINDINGS`` (JSON files).

The findings are written even if a test ends the process by an exception or an exit; each test's outcome is also
written to a log at once, so that a process which is killed still tells how far it came.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import re
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

import blockfreeze
from benchmarks.fidelity.covered import Watch
from benchmarks.fidelity.engagement import Engagement
from benchmarks.fidelity.findings import Findings
from benchmarks.fidelity.judges import WORST_FIRST, run_unittest
from benchmarks.fidelity.world import put_aside
from benchmarks.frame.task import read_orders, write_findings

SWAP_SECONDS = 0.05
DETAIL = 3000


@dataclass(frozen=True)
class Orders:
    """What one run has to do: `tests` are test modules, or with a `tree` (a copied sdist) what pytest is to run.

    With a `core`, the lines and branches that the suite executes of the module are watched.
    """

    module: str
    mode: str
    tests: tuple[str, ...]
    tree: str
    plugins: tuple[str, ...]
    arguments: tuple[str, ...]
    seconds: float
    core: str = ""


class Run:
    """One run: take the target in, let the judges work, write what was found."""

    def __init__(self, orders: Orders, log: IO[str]) -> None:
        self.orders = orders
        self.findings = Findings()
        self._log = log
        self._stop = threading.Event()
        self._stopped = threading.Event()
        self._process = os.getpid()

    def run(self) -> None:
        """Do all of it; what goes wrong is a finding."""
        watch = Watch(self.orders.module, self.orders.core) if self.orders.core else None
        aside = {} if self.orders.tree else put_aside(self.orders.module)
        try:
            if watch is not None:
                watch.start()
            block = self._take()
            engagement = self._watch(block)
            self._swap_on(block)
            try:
                self._judge()
            finally:
                self._stop.set()
                if watch is not None:
                    self.findings.covered = watch.stop()
                # Not to be joined: a body of `threading` takes the thread that runs it for the main thread, and puts a
                # lock of its own in the place of the one that tells of its end.
                self._stopped.wait()
                if engagement is not None:
                    engagement.stop()
                    self.findings.readers, self.findings.unlinked = engagement.judge()
                    self.findings.linked = self.findings.readers - len(self.findings.unlinked)
        except BaseException as error:
            self.findings.error = "".join(traceback.format_exception(error))[-DETAIL:]
        # What the tests left in place of the worker's own modules is of no use to what is written now.
        sys.modules.update(aside)

    def _take(self) -> ModuleType | None:
        module, mode = self.orders.module, self.orders.mode
        if mode == "plain":
            importlib.import_module(module)
            return None
        if mode == "late":
            importlib.import_module(module)
            for user in ("pytest",) if self.orders.tree else ("unittest", "test.support"):
                importlib.import_module(user)
        inline = mode == "inlined"
        return blockfreeze.freeze_block(module, patchable=not inline, inline=inline)

    def _watch(self, block: ModuleType | None) -> Engagement | None:
        if block is None or self.orders.mode != "engagement":
            return None
        file = str(block.__file__)
        places = (str(Path(file).parent) + os.sep,) if hasattr(block, "__path__") else (file,)
        watched = Engagement(places)
        watched.start()
        return watched

    def _swap_on(self, block: ModuleType | None) -> None:
        if self.orders.mode != "swapping":
            self._stopped.set()
            return
        threading.Thread(target=self._swap, args=(block,), daemon=True).start()

    def _swap(self, block: ModuleType) -> None:
        # The target is unchanged on the disk: a swap without a source is one to the identical version.
        while True:
            try:
                blockfreeze.swap(block, wait=True)  # a suite may reload its modules, which are swaps as well
            except BaseException as error:
                cause = error.__cause__ or error
                text = f"{type(error).__name__} from {type(cause).__name__}: {cause}"[:300]
                self.findings.details[text] = "".join(traceback.format_exception(error))[-DETAIL:]
                self.findings.swap_errors[text] = self.findings.swap_errors.get(text, 0) + 1
            self.findings.swaps += 1
            if self._stop.wait(SWAP_SECONDS):
                self._stopped.set()
                return

    def _judge(self) -> None:
        orders = self.orders
        if not orders.tree:
            run_unittest(orders.tests, self._keep)
            return
        from benchmarks.release_pairs.suite import run_suite

        outcomes = run_suite(Path(orders.tree), list(orders.tests), orders.plugins, orders.arguments)
        self.findings.tests, self.findings.causes = outcomes.tests, outcomes.causes
        self.findings.details |= outcomes.details
        if outcomes.exit_code not in (0, 1):
            self.findings.error = f"pytest ended with {outcomes.exit_code}"

    def _keep(self, test: str, outcome: str, text: str) -> None:
        if os.getpid() != self._process:
            return  # a test forked and its child went on
        test = re.sub(r"0x[0-9a-f]+", "0x", test)
        found = self.findings
        found.tests[test] = min(found.tests.get(test, "passed"), outcome, key=WORST_FIRST.index)
        if outcome == "failed":
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            found.causes[test] = next((one for one in reversed(lines) if re.match(r"[\w.]+(Error|Exception)\b", one)),
                                      lines[-1] if lines else "")[:300]  # fmt: skip
            found.details[test] = text[-DETAIL:]
        print(json.dumps([test, outcome]), file=self._log, flush=True)


def main(orders_file: str, findings_file: str) -> None:
    """Carry out the orders."""
    orders = Orders(**read_orders(orders_file))
    into = Path(findings_file).resolve()
    # What is started in the background by a shell ignores it, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()
    faulthandler.dump_traceback_later(orders.seconds * 0.9, exit=False)
    with into.with_suffix(".log").open("w", encoding="utf-8") as log:
        run = Run(orders, log)
        run.run()
    if os.getpid() == run._process:
        write_findings(into, run.findings)
    sys.stdout.flush()
    # Threads and handlers that the tests left behind are of no interest any more, and may wait for ever.
    os._exit(0)


if __name__ == "__main__":
    # From a module that is not the main one: a DeprecationWarning that a body gives is ignored there, as in programs.
    importlib.import_module("benchmarks.fidelity.worker").main(*sys.argv[1:])
