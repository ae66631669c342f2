"""The tools: those of the torn calls, and IPython's autoreload."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from benchmarks.torn.tools import TOOLS as OTHERS
from benchmarks.torn.tools import Tool

__all__ = ["TOOLS"]


class Autoreload(Tool):
    """IPython's ``%autoreload 1`` of the module, without a shell: checked at once where a cell would be run."""

    name = "autoreload"

    def load(self, block: str) -> ModuleType:
        # By name, for only the parts around it have types.
        extension: Any = importlib.import_module("IPython.extensions.autoreload")
        self._reloader = extension.ModuleReloader()
        self._reloader.enabled = True
        loaded = importlib.import_module(block)
        self._reloader.mark_module_reloadable(block)
        self._reloader.check()
        return loaded

    def replace(self) -> None:
        self._reloader.check()
        if self._reloader.failed:
            raise RuntimeError("the extension could not bring " + ", ".join(self._reloader.failed) + " up to date")


TOOLS: dict[str, type[Tool]] = {**OTHERS, Autoreload.name: Autoreload}


def version_of(tool: str) -> str:
    """Return the version of a tool, for the table."""
    from importlib.metadata import version

    packages = {"jurigged": "jurigged", "autoreload": "ipython"}
    return f"{packages[tool]} {version(packages[tool])}" if tool in packages else f"CPython {sys.version.split()[0]}"
