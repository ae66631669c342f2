"""The packages of this process: what is installed, what of it is loaded, and which release a block runs hot.

Only metadata on disk is read; no code of a package runs.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from blockfreeze.model.block import Block

_EXTENSIONS = (".so", ".pyd")


def installed() -> list[dict[str, Any]]:
    """Return each distribution that is installed for this process: name, version, and what it asks for.

    Of those that are loaded, also the top-level modules, and which of its files are extension modules.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in metadata.distributions():
        name = one.metadata["Name"] if one.metadata else None
        if name and name.lower() not in found:  # the first one on the path is the one that imports find
            found[name.lower()] = {"name": name, "version": one.version, "requires": list(one.requires or ())}
            found[name.lower()] |= _loaded(one)
    return list(found.values())


def _loaded(one: metadata.Distribution) -> dict[str, list[str]]:
    record = one.read_text("RECORD") or ""
    files = [line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in record.splitlines()]
    modules = [file.removesuffix(".py").replace("/", ".") for file in files if file.endswith(".py")]
    # Not by the top-level name alone: several distributions may share it.
    loaded = {name.removesuffix(".__init__") for name in modules} & sys.modules.keys()
    if not modules:
        loaded = {*(one.read_text("top_level.txt") or "").split()} & sys.modules.keys()
    extensions = [file for file in files if file.endswith(_EXTENSIONS)]
    return {"loaded": sorted({name.partition(".")[0] for name in loaded}), "extensions": extensions}


def running(block: Block) -> dict[str, str] | None:
    """Return which release of a distribution a block runs, beside what is installed; None if it is not known.

    A release that was made by unpacking a distribution has the metadata of that distribution alone.
    """
    release = block.current.release
    places = [*Path(release).glob("*.dist-info")][:2] if release else []
    if len(places) != 1:
        return None
    found = metadata.PathDistribution(places[0])
    name = found.metadata["Name"]
    try:
        on_disk = metadata.version(name)
    except metadata.PackageNotFoundError:
        on_disk = ""
    return {"name": name, "version": found.version, "installed": on_disk}
