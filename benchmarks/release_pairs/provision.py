"""Bring two releases, the suite of the newer one and what both need into a cache folder, with pip.

Layout of the cache (reused from run to run; a folder appears under its final name only when it is complete)::

    sdist/NAME-VERSION/        the unpacked source distribution, for its tests
    cp312/release/NAME-VERSION/   one release alone (pip install --no-deps --target)
    cp312/needs/DIGEST/        pytest, the linker's library and the test dependencies of one recipe

The releases lie apart so that a process sees exactly one of them on its path at a time.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.frame.folders import ProvisionError, once, pip, release
from benchmarks.release_pairs.pairs import Pair
from benchmarks.release_pairs.recipes import Recipe

BASE_NEEDS = ("pytest", "bytecode")
CACHE = Path(tempfile.gettempdir(), "blockfreeze-release-pairs")
"""Where the cache is, if the command line says nothing else."""


@dataclass(frozen=True)
class Provision:
    """The folders of one pair: both releases, their needs, and the newer release's unpacked sdist."""

    old: Path
    new: Path
    needs: Path
    sdist: Path


def provide(pair: Pair, recipe: Recipe, cache: Path) -> Provision:
    """Return the folders of a pair, filled from the package index where the cache lacks them.

    Raises:
        ProvisionError: pip refused.
    """
    mine = cache / f"cp{sys.version_info.major}{sys.version_info.minor}"
    old = release(mine / "release" / f"{pair.package}-{pair.old}", pair.package, pair.old)
    new = release(mine / "release" / f"{pair.package}-{pair.new}", pair.package, pair.new)
    needs = sorted({*BASE_NEEDS, *recipe.needs, *_runtime_needs(old), *_runtime_needs(new)})
    digest = hashlib.sha256("\n".join(needs).encode()).hexdigest()[:16]
    return Provision(
        old=old,
        new=new,
        needs=once(mine / "needs" / digest, lambda into: pip("install", "--target", str(into), *needs)),
        sdist=once(cache / "sdist" / f"{pair.package}-{pair.new}", lambda into: _sdist(pair, into)),
    )


def unpack(archive: Path, into: Path) -> None:
    """Unpack a source distribution, without its single top folder, into an existing empty folder."""
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(scratch)
        else:
            with tarfile.open(archive) as tarred:
                tarred.extractall(scratch, filter="data")
        for top in Path(scratch).iterdir():
            for entry in top.iterdir():
                shutil.move(entry, into / entry.name)


def _runtime_needs(release: Path) -> list[str]:
    needs = [need for found in distributions(path=[str(release)]) for need in found.requires or ()]
    return [need for need in needs if "extra" not in need.partition(";")[2]]


def _sdist(pair: Pair, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        # Only this package from its sources: its build requirements may come as wheels.
        pip("download", "--no-deps", "--no-binary", pair.package, "--dest", scratch, f"{pair.package}=={pair.new}")
        archives = [path for path in Path(scratch).iterdir() if path.name.endswith((".tar.gz", ".zip", ".tar.bz2"))]
        if len(archives) != 1:
            raise ProvisionError(f"{pair.name}: one sdist expected, found {[path.name for path in archives]}")
        unpack(archives[0], into)
