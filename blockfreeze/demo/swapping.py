"""The two ways of exchanging a package's versions in a running process that the demo compares.

Each runs in a server process of its own, for the whole life of that process. A way is opened on the directory
of the old version and then told, by one thread, which directory's version to serve next.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Protocol

import blockfreeze


class Way(Protocol):
    """A way of exchanging versions; `module` is what request code holds for good."""

    module: ModuleType

    def __init__(self, package: str, directory: Path) -> None: ...

    def swap_to(self, directory: Path) -> None:
        """Serve the version in `directory` from now on."""


class ReloadedModules:
    """`importlib.reload` of every member of the package.

    Reload gets its best order, so that the version is whole when the last reload is done: `sys.modules` lists
    modules in the order in which their imports ended, dependencies before what imports them.
    """

    def __init__(self, package: str, directory: Path) -> None:
        sys.path.insert(0, str(directory))
        self.module = importlib.import_module(package)

    def swap_to(self, directory: Path) -> None:
        """Reload every member from `directory`; a member that this version does not have is left as it is."""
        name = self.module.__name__
        sys.path[0] = str(directory)
        if hasattr(self.module, "__path__"):
            self.module.__path__ = [str(directory / name)]
        importlib.invalidate_caches()
        members = [member for member in sys.modules if member == name or member.startswith(name + ".")]
        for member in members:
            try:
                importlib.reload(sys.modules[member])
            except ModuleNotFoundError as error:
                if error.name != member:
                    raise


class FrozenBlock:
    """`blockfreeze.freeze_block` once, then `blockfreeze.swap` every time."""

    def __init__(self, package: str, directory: Path) -> None:
        sys.path.insert(0, str(directory))
        self.module = blockfreeze.freeze_block(package)

    def swap_to(self, directory: Path) -> None:
        """Swap the block to the version in `directory`."""
        blockfreeze.swap(self.module, source=directory)


WAYS: Mapping[str, type[Way]] = {"importlib.reload": ReloadedModules, "blockfreeze": FrozenBlock}
