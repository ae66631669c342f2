"""The judges: run a suite of CPython's in this process, with whatever `unittest` the process imports now."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

WORST_FIRST = ("failed", "xpassed", "xfailed", "skipped", "passed")


def run_unittest(modules: tuple[str, ...], keep: Callable[[str, str, str], None]) -> None:
    """Load test modules as CPython's own runner does, and tell `keep` each test's id, outcome and text.

    Resources that need a network, a display, much time or much space stay off, as they are by default.
    """
    unittest: Any = importlib.import_module("unittest")
    support: Any = importlib.import_module("test.support")
    support.use_resources, support.verbose = (), False
    result = _recording(unittest, keep)
    for name in modules:
        loader = unittest.TestLoader()
        try:
            suite = loader.loadTestsFromModule(importlib.import_module(name))
        except unittest.SkipTest as skipped:
            keep(name, "skipped", str(skipped))
            continue
        suite.run(result)
        support.gc_collect()


def _recording(unittest: Any, keep: Callable[[str, str, str], None]) -> Any:
    # The base class comes from the process that is judged, so this class is made there.
    class Recording(unittest.TestResult):  # type: ignore[misc]
        def addSuccess(self, test: Any) -> None:  # noqa: N802 - the names are unittest's
            keep(test.id(), "passed", "")

        def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
            keep(test.id(), "skipped", reason)

        def addFailure(self, test: Any, error: Any) -> None:  # noqa: N802
            keep(test.id(), "failed", self._exc_info_to_string(error, test))

        def addError(self, test: Any, error: Any) -> None:  # noqa: N802
            self.addFailure(test, error)

        def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:  # noqa: N802
            if error is not None:
                keep(test.id(), "failed", self._exc_info_to_string(error, subtest))

        def addExpectedFailure(self, test: Any, error: Any) -> None:  # noqa: N802
            keep(test.id(), "xfailed", "")

        def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
            keep(test.id(), "xpassed", "it was expected to fail")

    return Recording()
