"""Folders that are filled once, and reused from run to run: what pip brings from the package index."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["ProvisionError", "once", "pip", "release"]


class ProvisionError(Exception):
    """What is wanted cannot be had; the text ends with pip's own last words."""


def once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return a folder, filled now if there is none of the name; it gets the name when it is whole."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as scratch:
            filling = Path(scratch, "filling")
            filling.mkdir()
            fill(filling)
            try:
                filling.rename(folder)
            except OSError:
                if not folder.exists():  # otherwise another run filled it meanwhile, with the same content
                    raise
    return folder


def pip(*words: str) -> None:
    """Run pip.

    Raises:
        ProvisionError: pip failed.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProvisionError(f"pip {' '.join(words)}: {done.stderr.strip()[-800:]}")


def release(folder: Path, package: str, version: str, *options: str) -> Path:
    """Return a folder with one release of a package alone, filled from the package index if there is none of the name.

    Raises:
        ProvisionError: pip refused.
    """
    wanted = f"{package}=={version}"
    return once(folder, lambda into: pip("install", *options, "--no-deps", "--target", str(into), wanted))
