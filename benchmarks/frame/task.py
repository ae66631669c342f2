"""The worker's side of a process: its orders and its findings, which are JSON files that its command line names.

    python -m benchmarks.….worker ORDERS FINDINGS

What a worker prints is not read. This imports little, for some workers judge what their process is made of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

__all__ = ["as_json", "carry_out", "read_orders", "write_findings"]


def as_json(found: object, indent: int | None = None) -> str:
    """Return plain values and dataclasses as JSON text."""
    return json.dumps(found, indent=indent, default=_fields)


def _fields(value: object) -> dict[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON for {value!r}")


def read_orders(file: str) -> dict[str, Any]:
    """Return the orders."""
    orders: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    return orders


def write_findings(file: Path, found: object) -> None:
    """Write the findings, over earlier ones of a worker that goes on; a worker that is killed leaves whole ones."""
    whole = file.with_suffix(".new")
    whole.write_text(as_json(found), encoding="utf-8")
    whole.replace(file)


def carry_out(work: Callable[..., object]) -> None:
    """Call `work` with the orders as keywords, and write what it returns: all that most workers do."""
    orders, findings = sys.argv[1:]
    # Standard output has a buffer, whose text would come after the reason of a failure and be taken for it.
    with redirect_stdout(sys.stderr):
        found = work(**read_orders(orders))
    write_findings(Path(findings), found)
