"""The tools under test: each imports a module its own way, and replaces it once its files have changed.

A tool is used from one thread. `Tool.replace` raises if the replacement failed; what it left behind is the tool's
own affair, and the calls show it.
"""

from __future__ import annotations

import importlib
import sys
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

__all__ = ["TOOLS", "Tool"]


class Tool(ABC):
    """One way to replace a module in a running process."""

    name: str

    @abstractmethod
    def load(self, block: str) -> ModuleType:
        """Import the module or package `block`, ready to be replaced later."""

    @abstractmethod
    def replace(self) -> None:
        """Bring the files as they are now into the process.

        Raises:
            Exception: the tool could not do it.
        """

    def finish(self) -> int:
        """Return how many calls still run in an old version, once every caller has stopped."""
        return 0


class Blockfreeze(Tool):
    """The block is frozen as it is imported, and swapped as one."""

    name = "blockfreeze"
    _drain_seconds = 30.0

    def load(self, block: str) -> ModuleType:
        import blockfreeze

        self._block = blockfreeze.freeze_block(block)
        return self._block

    def replace(self) -> None:
        import blockfreeze

        blockfreeze.swap(self._block)

    def finish(self) -> int:
        import blockfreeze

        try:
            blockfreeze.drain(self._block, timeout=self._drain_seconds)
        except blockfreeze.DrainTimeoutError as error:
            return len(error.lingering)
        return len(blockfreeze.status(self._block).lingering)


class Reload(Tool):
    """`importlib.reload` of every member, the innermost first and the package itself last."""

    name = "reload"

    def load(self, block: str) -> ModuleType:
        self._block = block
        return importlib.import_module(block)

    def replace(self) -> None:
        for name in _members(self._block):
            importlib.reload(sys.modules[name])


class Jurigged(Tool):
    """jurigged's own refresh of each changed file, called at once where its watcher would call it."""

    name = "jurigged"

    def load(self, block: str) -> ModuleType:
        # By name, for jurigged has no types.
        registry: Any = importlib.import_module("jurigged.register").registry
        self._registry = registry
        self._failures: list[BaseException] = []
        registry.set_logger(self._note)
        loaded = importlib.import_module(block)
        self._files = []
        for name in _members(block):
            _, file = registry.prepare(name, sys.modules[name].__file__)
            registry.get(file)
            self._files.append(file)
        return loaded

    def replace(self) -> None:
        for file in self._files:
            self._registry.get(file).refresh()
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]

    def _note(self, event: object) -> None:
        if isinstance(event, BaseException):
            self._failures.append(event)


TOOLS: dict[str, type[Tool]] = {tool.name: tool for tool in (Blockfreeze, Reload, Jurigged)}


def _members(block: str) -> list[str]:
    found = [name for name in sys.modules if name == block or name.startswith(f"{block}.")]
    return sorted(found, key=lambda name: (-name.count("."), name))
