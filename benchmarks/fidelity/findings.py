"""What one run of a suite found, as plain values, and the verdicts that follow from comparing it with a plain run."""

from __future__ import annotations

from dataclasses import dataclass, field

GOOD = ("passed", "xfailed")


@dataclass
class Findings:
    """The record of one run.

    `tests`, `causes`, `details`: by test id. `error`: why the target could not be taken in or its tests not loaded.
    `ended`: why the process ended early, if it did. `readers`, `linked`: executed functions whose source reads a
    definition of the block, and those of them that reach one through a cell; `unlinked` names the others. `swaps`,
    `swap_errors`: of the mode ``swapping``. `unsteady`: tests that failed at first and passed when the target was
    tried again. `covered`: the lines and steps by file, if they were watched.
    """

    tests: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    error: str = ""
    ended: str = ""
    readers: int = 0
    linked: int = 0
    unlinked: list[str] = field(default_factory=list)
    swaps: int = 0
    swap_errors: dict[str, int] = field(default_factory=dict)
    unsteady: list[str] = field(default_factory=list)
    seconds: float = 0.0
    covered: dict[str, list[list[int]]] = field(default_factory=dict)

    @property
    def passing(self) -> set[str]:
        """The tests that passed, or failed as their authors expect."""
        return {test for test, outcome in self.tests.items() if outcome in GOOD}

    def lost(self, plain: Findings) -> dict[str, str]:
        """Return the tests that pass plain and not here, each with its cause."""
        return {test: self.causes.get(test, "it did not run") for test in sorted(plain.passing - self.passing)}

    def is_same(self, plain: Findings) -> bool:
        """Whether no test was lost, and nothing else went wrong."""
        return not (self.lost(plain) or self.error or self.ended or self.swap_errors)
