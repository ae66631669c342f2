"""One run in a process of its own: its findings are the `Outcome`."""

from __future__ import annotations

from typing import Any

from benchmarks.frame.task import carry_out
from benchmarks.shapes import SHAPES
from benchmarks.shapes.shape import Layout
from benchmarks.torn.run import Outcome, Settings, run
from benchmarks.torn.tools import TOOLS


def outcome(tool: str, shape: str, layout: str, settings: dict[str, Any]) -> Outcome:
    """Do one run."""
    return run(TOOLS[tool](), SHAPES[shape], Layout(layout), Settings(**settings))


if __name__ == "__main__":
    carry_out(outcome)
