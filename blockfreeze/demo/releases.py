"""Released versions of a pure-Python package, fetched with pip, once, into a cache directory.

A release's directory appears under its final name complete or not at all: it is unpacked beside it and then renamed.
So a run that is interrupted, or a second one at the same time, leaves nothing half-done.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
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
            with zipfile.ZipFile(download_wheel(requirement, Path(work))) as wheel:
                wheel.extractall(unpacked)
            if not directory.is_dir():
                shutil.move(unpacked, directory)
    except (OSError, zipfile.BadZipFile) as error:
        raise _cannot_fetch(requirement, str(error)) from error
    return directory


def download_wheel(requirement: str, target: Path, hashes: Iterable[str] = ()) -> Path:
    """Have pip, or the one that uv brings, download the wheel of one release into a directory, and return its path.

    Args:
        hashes: those that it may have, as ``sha256:...``; any if there are none.

    Raises:
        ControlError: there is neither pip nor uv, it cannot reach the release, or the wheel has another hash.
    """
    # A process of its own: pip has no interface for programs, and it may be missing from this environment.
    wanted = target / "requirements.txt"
    wanted.write_text(" ".join([requirement, *(f"--hash={one}" for one in hashes)]), encoding="utf-8")
    command = [*_pip(requirement), "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(target), "--requirement", str(wanted)]
    try:
        pip = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise _cannot_fetch(requirement, f"pip did not finish in {_PIP_TIMEOUT:.0f} s") from error
    wheels = list(target.glob("*.whl"))
    if pip.returncode or not wheels:
        said = [line.strip() for line in pip.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        wrong = [line for line in said if line.startswith(("Expected sha", "Got "))]
        raise _cannot_fetch(
            requirement, "; ".join(wrong) or said[0] if said else f"pip ended with status {pip.returncode}"
        )
    return wheels[0]


def _pip(requirement: str) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is None:
        raise _cannot_fetch(requirement, "there is neither pip nor uv here")
    return [uv, "--quiet", "tool", "run", "pip"]


def _cannot_fetch(requirement: str, reason: str) -> ControlError:
    return ControlError(
        f"cannot fetch the release, {requirement!r}: {reason}; run once where pip can download it (later runs use "
        f"the copy in {cache_directory()})",
        requirement=requirement,
    )
