"""A generated module as a block, for programs that run in one process."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import blockfreeze as bf

__all__ = ["frozen", "importable"]


@contextmanager
def importable(name: str, text: str) -> Iterator[None]:
    """Write the module into a folder of its own on ``sys.path``, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="blockfreeze-benchmark-") as place:
        Path(place, f"{name}.py").write_text(text, encoding="utf-8")
        sys.path.insert(0, place)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(place)


@contextmanager
def frozen(name: str, text: str) -> Iterator[Any]:
    """Write the module, and freeze it."""
    with importable(name, text):
        yield bf.freeze_block(name)
