"""Released versions of a pure-Python package, fetched with pip, once, into a cache directory.

A release's directory appears under its final name complete or not at all: it is unpacked beside it and then renamed.
So a run that is interrupted, or a second one at the same time, leaves nothing half-done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from blockfreeze.core.errors import ControlError

_PIP_TIMEOUT = 120.0


def cache_directory() -> Path:
    """Return the directory that holds fetched releases: ``$XDG_CACHE_HOME/blockfreeze`` or ``~/.cache/blockfreeze``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "blockfreeze"


def fetch_release(package: str, version: str, cache: Path) -> Path:
    """Return a directory that holds the release's package; fetch and unpack its wheel if the cache has none.

    Raises:
        ControlError: pip cannot be run, cannot reach the release, or the cache cannot be written.
    """
    directory = cache / f"{package}-{version}"
    if directory.is_dir():
        return directory
    requirement = f"{package}=={version}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            unpacked = Path(work, "unpacked")
            with zipfile.ZipFile(_download(requirement, Path(work))) as wheel:
                wheel.extractall(unpacked)
            if not directory.is_dir():
                shutil.move(unpacked, directory)
    except (OSError, zipfile.BadZipFile) as error:
        raise _cannot_fetch(requirement, str(error)) from error
    return directory


def _download(requirement: str, target: Path) -> Path:
    # A process of its own: pip has no interface for programs, and it may be missing from this environment.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(target), requirement]
    try:
        pip = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise _cannot_fetch(requirement, f"pip did not finish in {_PIP_TIMEOUT:.0f} s") from error
    wheels = list(target.glob("*.whl"))
    if pip.returncode or not wheels:
        said = [line for line in pip.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise _cannot_fetch(requirement, said[0] if said else f"pip ended with status {pip.returncode}")
    return wheels[0]


def _cannot_fetch(requirement: str, reason: str) -> ControlError:
    return ControlError(
        f"cannot fetch the release, {requirement!r}: {reason}; run once where pip can download it (later runs use "
        f"the copy in {cache_directory()})",
        requirement=requirement,
    )
