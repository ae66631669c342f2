"""What one trial found, as plain values, and the verdicts that follow from it.

A `Findings` is filled in the trial's process, travels as JSON, and is judged against a cold start's in the parent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GOOD = ("passed", "xfailed")


@dataclass
class Findings:
    """The record of one trial; `stage` is the last one that began, or ``end``.

    `before`, `after`: results of the workload. `stale`: what the foreign module took that is no longer what the module
    holds, with its kind. `instances`: for each kept instance, whether it is one of the class that the module holds.
    `tests`, `causes`, `details`: by test id. `errors`: by stage. `ended`: why the process ended early, if it did.
    """

    stage: str = ""
    applied: bool = False
    back: bool = False
    report: str = ""
    rounds: int = 0
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    thread_exceptions: dict[str, int] = field(default_factory=dict)
    thread_tracebacks: dict[str, str] = field(default_factory=dict)
    neither: dict[str, int] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    instances: dict[str, bool] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    changed_run: list[str] = field(default_factory=list)
    old_code_run: list[str] = field(default_factory=list)
    old_code_run_by_kept: list[str] = field(default_factory=list)
    new_code_run: int = 0
    tests: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    errors: dict[str, str] = field(default_factory=dict)
    ended: str = ""
    seconds: float = 0.0

    @property
    def passing(self) -> set[str]:
        """The tests that passed, or failed as their authors expect."""
        return {test for test, outcome in self.tests.items() if outcome in GOOD}

    def lost(self, cold: Findings) -> list[str]:
        """Name the tests that pass after a cold start and not here."""
        return sorted(cold.passing - self.passing)

    @property
    def importers_run_new_code(self) -> bool:
        """Whether earlier from-imports are what the module holds now, and calls through them run new code alone."""
        return (
            self.applied and set(self.stale.values()) <= {"object"} and not self.old_code_run and self.new_code_run > 0
        )

    @property
    def instances_stay(self) -> bool:
        """Whether each instance taken before is one of the class that the module holds now."""
        return self.applied and all(self.instances.values())

    def survives(self, cold: Findings) -> bool:
        """Whether the update was applied, nothing failed in the threads, no test was lost, and the way back works."""
        calm = not self.thread_exceptions and not self.neither and not self.ended
        return self.applied and calm and not self.lost(cold) and self.back and not self.errors
