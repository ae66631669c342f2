"""The tools that are compared: each takes the old release in, replaces it while it is used, and puts it back.

`sys.path` has been switched to the other release before `update` and `back` are called, as an installer would have
replaced the files.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from pathlib import Path
from types import ModuleType
from typing import Protocol

DRAIN_SECONDS = 20.0
# A suite may reload a member, which is a swap: the release that was there at first must still be kept after it.
HISTORY = 8


class Engine(Protocol):
    """One way of updating a module in a running process."""

    def take(self, module: str) -> None:
        """Bring the module in, before anything else has imported it."""

    def update(self, release: Path) -> str:
        """Replace the module by the one in the folder, while threads use it; return what the tool says about it."""

    def settle(self) -> None:
        """Let old calls end, with the load still on; an error is a finding."""

    def back(self, release: Path) -> None:
        """Restore the release that was there at first, which lies in the folder."""


class Plain:
    """A cold start: import, and nothing else."""

    def take(self, module: str) -> None:
        """Import the module."""
        importlib.import_module(module)

    def update(self, release: Path) -> str:
        """Change nothing."""
        return "a cold start has nothing to update"

    def settle(self) -> None:
        """Await nothing."""

    def back(self, release: Path) -> None:
        """Change nothing."""


class Reload:
    """`importlib.reload` of every member, in the order in which their imports ended, packages' paths switched before.

    That order gives reload its best chance: a package's body imports from sub-modules that are new already.
    """

    def __init__(self) -> None:
        self._module = ""

    def take(self, module: str) -> None:
        """Import the module."""
        self._module = module
        importlib.import_module(module)

    def update(self, release: Path) -> str:
        """Reload every member that the release has."""
        members = [name for name in sys.modules if f"{name}.".startswith(f"{self._module}.")]
        for name in members:
            if hasattr(sys.modules[name], "__path__"):
                sys.modules[name].__path__ = [str(release.joinpath(*name.split(".")))]
        there = [name for name in members if _is_found(name)]
        for name in there:
            importlib.reload(sys.modules[name])
        return f"{len(there)} modules reloaded, {len(members) - len(there)} not in this release"

    def settle(self) -> None:
        """Await nothing: reload knows of no old calls."""

    def back(self, release: Path) -> None:
        """Reload every member again."""
        self.update(release)


def _is_found(name: str) -> bool:
    parent = sys.modules.get(name.rpartition(".")[0])
    return importlib.machinery.PathFinder.find_spec(name, parent.__path__ if parent is not None else None) is not None


class Blockfreeze:
    """The release frozen whole, early; one swap; a drain; one rollback.

    Args:
        patchable: let the suite rebind definitions with a test's means (`unittest.mock.patch`, `monkeypatch`).
    """

    def __init__(self, patchable: bool) -> None:
        self._patchable = patchable
        self._block: ModuleType | None = None

    def take(self, module: str) -> None:
        """Freeze the module, which imports it as a block."""
        import blockfreeze

        self._block = blockfreeze.freeze_block(module, patchable=self._patchable, history=HISTORY)

    def update(self, release: Path) -> str:
        """Swap the block."""
        import blockfreeze

        return str(blockfreeze.swap(self._block, source=release))

    def settle(self) -> None:
        """Drain the block."""
        import blockfreeze

        blockfreeze.drain(self._block, timeout=DRAIN_SECONDS)

    def back(self, release: Path) -> None:
        """Roll the block back; the folder is not read again."""
        import blockfreeze

        blockfreeze.rollback(self._block, to=1)


def engine_of(tool: str, *, patchable: bool) -> Engine:
    """Return the engine of a tool: ``cold``, ``reload`` or ``blockfreeze``."""
    if tool == "blockfreeze":
        return Blockfreeze(patchable)
    return Reload() if tool == "reload" else Plain()
