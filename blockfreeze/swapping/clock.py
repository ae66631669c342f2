"""How long each phase of a swap takes."""

from __future__ import annotations

import time


class Clock:
    """Measures the phases of a swap, in seconds, into `phases`."""

    def __init__(self, phases: dict[str, float]) -> None:
        self.phases = phases
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase, or one more part of it; the next one begins."""
        now = time.perf_counter()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self._last
        self._last = now
