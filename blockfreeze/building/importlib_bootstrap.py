"""The import system's side: the loader of a block's modules, and the one frame from which their bodies run.

The name of this file is meant. `warnings.warn(stacklevel=)` and `logging` skip frames whose file name contains both
``importlib`` and ``_bootstrap``, so that a warning given while a module is imported points at the import statement; the
frames between a block's module and its importer are in this file alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.machinery import ModuleSpec
from types import CellType, CodeType, ModuleType
from typing import Any, NamedTuple

from blockfreeze.versions.module_source import ModuleSource


class Body(NamedTuple):
    """A linked module body: its code, the namespace in which it is to run, and its cells."""

    code: CodeType
    namespace: dict[str, Any]
    closure: tuple[CellType, ...]


LoadFacade = Callable[[ModuleType], AbstractContextManager[Body | None]]
"""Opens what an import of a facade loads: a body that the ``with`` statement is to execute, or nothing."""


def execute(body: Body) -> None:
    """Run a linked module body; whatever it raises passes through."""
    exec(body.code, body.namespace, closure=body.closure or None)


class BlockLoader:
    """Loads a module as a member of a block; everything but loading is left to the loader that found it.

    Args:
        create: returns the facade that stands for the module for ever.
        load: loads the member into the generation of the importing code.

    To those who ask for its class, its attributes or its text it is the loader that found the module.
    """

    __slots__ = ("_create", "_load", "source")

    def __init__(self, source: ModuleSource, create: Callable[[], ModuleType], load: LoadFacade) -> None:
        self.source = source
        self._create = create
        self._load = load

    def __getattr__(self, name: str) -> Any:
        if name != "__dict__" and (name.startswith("__") or self.source.loader is None):
            raise AttributeError(name)
        return getattr(self.source.loader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return BlockLoader if isinstance(self.source.loader, type) else type(self.source.loader)

    def __eq__(self, other: object) -> bool:
        return bool(self.source.loader == (other.source.loader if type(other) is BlockLoader else other))

    def __hash__(self) -> int:
        return hash(self.source.loader)

    def __repr__(self) -> str:
        return repr(self.source.loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the facade that stands for the module for ever."""
        return self._create()

    def exec_module(self, module: ModuleType) -> None:
        """Load the member into the generation of the importing code."""
        with self._load(module) as body:
            if body is not None:
                execute(body)

    def get_code(self, fullname: str) -> CodeType:
        """Return the code as the compiler made it, for `runpy` and `inspect`."""
        return self.source.compile()


def block_spec(source: ModuleSource, create: Callable[[], ModuleType], load: LoadFacade) -> ModuleSpec:
    """Return the spec with which the import system loads `source` as a member of a block; see `BlockLoader`."""
    loader: Any = BlockLoader(source, create, load)
    spec = ModuleSpec(source.name, loader, origin=source.path, is_package=source.is_package)
    if source.path is not None and not source.path.startswith("<"):
        spec.has_location = True
    if source.search is not None:
        spec.submodule_search_locations = list(source.search)
    return spec
