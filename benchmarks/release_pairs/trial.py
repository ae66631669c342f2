"""One trial, in its own process: ``python -m benchmarks.release_pairs.trial ORDERS FINDINGS`` (both JSON files).

The findings are written after every stage, so a process that is killed still tells how far it came. A stage that
fails is recorded and the later ones run all the same, as far as they make sense.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from benchmarks.frame.task import read_orders, write_findings
from benchmarks.release_pairs.aftermath import kept_instances, stale_names
from benchmarks.release_pairs.changes import changed_definitions
from benchmarks.release_pairs.engines import engine_of
from benchmarks.release_pairs.findings import Findings
from benchmarks.release_pairs.load import Load
from benchmarks.release_pairs.orders import Orders
from benchmarks.release_pairs.reach import Live, Reach, Taken, make_foreign
from benchmarks.release_pairs.suite import run_suite
from benchmarks.release_pairs.witness import watch
from benchmarks.release_pairs.work import workload_of
from benchmarks.release_pairs.workloads import Kept, Workload

ROUNDS = 10
SWITCH_SECONDS = 1e-4


class Trial:
    """The stages of a trial, in the order in which `run` calls them."""

    def __init__(self, orders: Orders, into: Path) -> None:
        self.orders = orders
        self.findings = Findings()
        self._into = into
        self._old, self._new = Path(orders.old), Path(orders.new)
        self._engine = engine_of(orders.tool, patchable=orders.patchable)
        self._workload: Workload
        self._taken: Reach
        self._live: Reach
        self._kept: Kept = {}
        self._places: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        """Run every stage that the tool has."""
        stages: list[Callable[[], None]] = [self.take, self.use]
        if self.orders.tool != "cold":
            stages += [self.update, self.inspect]
        stages += [self.judge] if self.orders.tests else []
        stages += [self.go_back] if self.orders.tool != "cold" else []
        for stage in stages:
            self.findings.stage = stage.__name__
            self._save()
            try:
                stage()
            except BaseException as error:
                self.findings.errors[stage.__name__] = "".join(traceback.format_exception(error))[-4000:]
                if stage.__name__ in ("take", "use"):
                    break
        self.findings.stage = "end"
        self._save()

    def take(self) -> None:
        """Bring the first release in (the old one; the new one for a cold start), and the foreign module."""
        self._engine.take(self.orders.module)
        self._places = make_foreign(self.orders.module, self.orders.members)
        self._workload = workload_of(self.orders.package, self.orders.module)
        self._taken, self._live = Taken(self.orders.module), Live(self.orders.module)

    def use(self) -> None:
        """Run the workload once each way, and keep the results and the instances."""
        self._kept = self._workload.keep(self._taken)
        self.findings.before = self._workload.results(self._taken, self._kept)
        live = self._workload.results(self._live, self._workload.keep(self._live))
        if live != self.findings.before:
            raise AssertionError(
                f"not the same results through attributes: {_first_difference(self.findings.before, live)}"
            )

    def update(self) -> None:
        """Replace the release under load, and let the load go on for a while."""
        expected = self.orders.expected or self.findings.before
        steps = zip(self.findings.before, expected, strict=True)
        load = Load(self._workload, (self._taken, self._live), [set(step) for step in steps])
        sys.setswitchinterval(SWITCH_SECONDS)
        load.start()
        try:
            load.await_rounds(ROUNDS)
            _switch_path(self._old, self._new)
            self.findings.report = self._engine.update(self._new)
            self.findings.applied = True
            load.await_rounds(ROUNDS)
            self._engine.settle()
            load.await_rounds(ROUNDS)
        finally:
            load.stop()
            self.findings.rounds = sum(load.rounds)
            self.findings.thread_exceptions = dict(load.exceptions)
            self.findings.thread_tracebacks = load.tracebacks
            self.findings.neither = dict(load.neither)

    def inspect(self) -> None:
        """See what the foreign module holds now, what its instances are, and whose code runs when it calls."""
        findings, workload = self.findings, self._workload
        findings.stale = stale_names(self._places)
        findings.instances = kept_instances(self.orders.module, self._kept)
        ran = watch(lambda: workload.results(self._taken, workload.keep(self._taken)), self._old, self._new)
        changed = changed_definitions(self.orders.module, self._old, self._new)
        findings.changed, findings.changed_run = sorted(changed), sorted(changed & ran.new)
        findings.old_code_run, findings.new_code_run = sorted(ran.old), len(ran.new)
        kept_ran = watch(lambda: workload.results(self._live, self._kept), self._old, self._new)
        findings.old_code_run_by_kept = sorted(kept_ran.old)
        findings.after = workload.results(self._live, workload.keep(self._live))

    def judge(self) -> None:
        """Run the new release's own tests in this process."""
        outcomes = run_suite(Path(self.orders.tree), self.orders.tests, self.orders.plugins, self.orders.arguments)
        self.findings.tests, self.findings.exit_code = outcomes.tests, outcomes.exit_code
        self.findings.causes, self.findings.details = outcomes.causes, outcomes.details
        # pytest leaves the last failure, with all its frames, where an interactive debugger looks for it.
        for name in ("last_exc", "last_type", "last_value", "last_traceback"):
            if hasattr(sys, name):
                delattr(sys, name)
        gc.collect()

    def go_back(self) -> None:
        """Restore the old release, and see that it behaves and that its own code runs."""
        _switch_path(self._new, self._old)
        self._engine.back(self._old)
        try:
            self._engine.settle()
        except TimeoutError as error:
            # The suite may have left generators of its own; what counts is how the old release behaves from here on.
            self.findings.report += f"\nafter the way back: {error}"
        again = self._workload.results(self._taken, self._kept)
        if again != self.findings.before:
            raise AssertionError(f"not the old results: {_first_difference(self.findings.before, again)}")
        ran = watch(lambda: self._workload.results(self._live, self._workload.keep(self._live)), self._old, self._new)
        if ran.new or not ran.old:
            raise AssertionError(f"not the old code: {sorted(ran.new)[:5]} ran, and {len(ran.old)} old definitions")
        self.findings.back = True

    def _save(self) -> None:
        write_findings(self._into, self.findings)


def _switch_path(away: Path, to: Path) -> None:
    sys.path[:] = [str(to) if entry == str(away) else entry for entry in sys.path]
    importlib.invalidate_caches()


def _first_difference(wanted: list[str], found: list[str]) -> str:
    pairs = enumerate(zip(wanted, found, strict=False))
    return next(
        (f"step {n}: {one!r} became {two!r}" for n, (one, two) in pairs if one != two), "another number of steps"
    )


def main(orders_file: str, findings_file: str) -> None:
    """Carry out the orders."""
    orders = Orders(**read_orders(orders_file))
    faulthandler.enable()
    faulthandler.dump_traceback_later(orders.seconds * 0.9, exit=False)
    if orders.tool != "cold":
        _switch_path(Path(orders.new), Path(orders.old))
    Trial(orders, Path(findings_file)).run()
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])
