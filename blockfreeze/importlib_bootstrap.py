"""The import system's side: the loader of a block's modules, and the one frame from which their bodies run.

The name of this file is meant. `warnings.warn(stacklevel=)` and `logging` skip frames whose file name contains both
``importlib`` and ``_bootstrap``, so that a warning given while a module is imported points at the import statement; the
frames between a block's module and its importer are in this file alone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import CellType, CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blockfreeze.source import ModuleSource

__all__ = ["BlockLoader", "block_spec", "execute"]


def execute(code: CodeType, namespace: dict[str, Any], closure: tuple[CellType, ...]) -> None:
    """Run a linked module body in its namespace with its cells; whatever it raises passes through."""
    exec(code, namespace, closure=closure or None)


class BlockLoader:
    """Loads a module as a member of a block; everything but loading is left to the loader that found it.

    Args:
        create: returns the facade that stands for the module for ever.
        load: loads the member into the generation of the importing code.
    """

    def __init__(
        self, source: ModuleSource, create: Callable[[], ModuleType], load: Callable[[ModuleType], None]
    ) -> None:
        self.source = source
        self._create = create
        self._load = load

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.source.loader is None:
            raise AttributeError(name)
        return getattr(self.source.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the facade that stands for the module for ever."""
        return self._create()

    def exec_module(self, module: ModuleType) -> None:
        """Load the member into the generation of the importing code."""
        self._load(module)

    def get_code(self, fullname: str) -> CodeType:
        """Return the code as the compiler made it, for `runpy` and `inspect`."""
        return self.source.compile()


def block_spec(
    source: ModuleSource, create: Callable[[], ModuleType], load: Callable[[ModuleType], None]
) -> ModuleSpec:
    """Return the spec with which the import system loads `source` as a member of a block; see `BlockLoader`."""
    loader: Any = BlockLoader(source, create, load)
    spec = ModuleSpec(source.name, loader, origin=source.path, is_package=source.is_package)
    if source.path is not None and not source.path.startswith("<"):
        spec.has_location = True
    if source.search is not None:
        spec.submodule_search_locations = list(source.search)
    return spec
