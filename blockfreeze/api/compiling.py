"""Compiling a release: its sources and its linked code, as the members of an artifact. Nothing of it is executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blockfreeze.api.opening import new_block
from blockfreeze.building.link_cache import stored_form_of
from blockfreeze.model.records import DEFAULT_OPTIONS
from blockfreeze.releases.artifact import this_python
from blockfreeze.releases.version import read_stable
from blockfreeze.versions.snapshot import Snapshot

Linked = dict[str, dict[str, dict[str, str]]]


def compiled(names: tuple[str, ...], source: Path) -> tuple[dict[str, bytes], Linked]:
    """Return the members of an artifact of the modules `names`, and which of them are linked for this CPython.

    A module is linked twice: as it is first imported, and as a swap brings it.

    Args:
        names: the block's modules.
        source: the directory that has them.

    Raises:
        ReleaseRefusedError: it changes while it is read.
        OSError, SyntaxError, ValueError, ImportError: it cannot be read or linked.
    """
    snapshot = read_stable(lambda: Snapshot(names).given(source, 1), source)
    members: dict[str, bytes] = dict(_data_files(snapshot))
    linked: dict[str, dict[str, str]] = {}
    for later in (False, True):
        block = new_block(names, DEFAULT_OPTIONS)
        if later:
            block.homes.update({name: {} for name in snapshot.modules})
        for name, module in snapshot.modules.items():
            if module.data is None:
                raise ValueError(f"the module {name!r} has no source")
            members[_member_of(name, package=module.is_package)] = module.data
            form, content = stored_form_of(block, module)
            member = f"linked/{this_python()}/{name}.{form}"
            members[member] = content
            linked.setdefault(name, {})[form] = member
    return members, {this_python(): linked}


def differing(names: tuple[str, ...], before: Path, members: dict[str, bytes]) -> dict[str, list[str]]:
    """Return which modules differ from those of another release: added, removed, changed."""
    snapshot = Snapshot(names).given(before, 1)
    old: dict[str, Any] = {_member_of(name, package=one.is_package): one.data for name, one in snapshot.modules.items()}
    new = {name: content for name, content in members.items() if name.endswith(".py")}
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
    }


def _member_of(name: str, *, package: bool) -> str:
    return name.replace(".", "/") + ("/__init__.py" if package else ".py")


def _data_files(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    """Yield what else lies in the packages: templates, data. What Python has made there is left out."""
    for root in snapshot.roots:
        for place in snapshot.modules[root].search or ():
            for file in sorted(Path(place).rglob("*")):
                inside = file.relative_to(place)
                if file.is_file() and "__pycache__" not in inside.parts and file.suffix not in (".py", ".pyc"):
                    yield f"{root.replace('.', '/')}/{inside.as_posix()}", file.read_bytes()
