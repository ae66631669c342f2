"""What `blockfreeze run` has every Python process import when it starts: its directory comes first in PYTHONPATH.

Nothing of blockfreeze is imported until the process imports one of the blocks; a process that never does has no socket
and no thread. Then it imports the `sitecustomize` that would have been found without this one.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

VARIABLE = "BLOCKFREEZE_RUN"


class _FirstImport:
    """Stands in front of the finders until a block is imported for the first time."""

    def __init__(self, settings: str, blocks: frozenset[str]) -> None:
        self._settings = settings
        self._blocks = blocks

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._blocks or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)  # before anything of blockfreeze is imported
        import json

        importlib.import_module(json.loads(self._settings)["begin"]).begin(self._settings)
        return sys.meta_path[0].find_spec(name, path, target)


def _wait_for_blocks() -> None:
    settings = os.environ.get(VARIABLE)
    if settings:
        import json

        sys.meta_path.insert(0, _FirstImport(settings, frozenset(json.loads(settings)["blocks"])))


def _import_the_other_one() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH120 - pathlib would be imported into every process
    sys.path[:] = [one for one in sys.path if os.path.abspath(one) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    _wait_for_blocks()
    _import_the_other_one()
