"""Loaders that make the code of a module themselves: import hooks that transform source, or code, on its way.

A block's code comes from its loader wherever that makes it. It is asked with the source that a version has, never with
what lies beside it: a ``.pyc`` is keyed by second and size, and a version need not be in the file at all.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from importlib.machinery import BYTECODE_SUFFIXES
from typing import Any

from blockfreeze.linking.cpython import LOADERS_ARE_TOLD_THE_NAME

_PLAIN = frozenset(
    {"_frozen_importlib", "_frozen_importlib_external", "importlib._bootstrap", "importlib._bootstrap_external"}
    | {"importlib._abc", "importlib.abc", "zipimport"}
)
"""The modules whose loaders do no more than compile."""


def makes_code(loader: Any) -> bool:
    """Tell whether a loader, or its class, reads, compiles or returns code in another way than Python's own loaders."""
    return any(_is_its_own(loader, name) for name in ("get_code", "get_data", "source_to_code"))


def _is_its_own(loader: Any, name: str) -> bool:
    method = getattr(loader, name, None)
    function = getattr(method, "__func__", method)
    return method is not None and getattr(function, "__globals__", {}).get("__name__") not in _PLAIN


def code_by(loader: Any, name: str, path: str, data: bytes) -> object:
    """Return the code that a loader makes of the source `data` of the module `name`, as if that was in the file `path`.

    Where the loader has a `get_code` of its own, that is asked, of a copy that finds nothing but that source.
    """
    loader = relocated(loader, name, path)
    if not _is_its_own(loader, "get_code"):
        return loader.source_to_code(data, path, *([name] if LOADERS_ARE_TOLD_THE_NAME else []))
    reads = loader.get_data

    def get_data(file: str) -> Any:
        if file.endswith(tuple(BYTECODE_SUFFIXES)):
            raise FileNotFoundError(2, "code is made anew", file)
        return data if file == path else reads(file)

    def path_stats(file: str) -> dict[str, float]:
        return {"mtime": 0, "size": len(data)}

    def set_data(*args: Any, **kwargs: Any) -> None:
        """Leave no code behind, which another version could find."""

    only_here = copy.copy(loader)
    _set(only_here, get_data=get_data, path_stats=path_stats, set_data=set_data)
    return only_here.get_code(name)


def relocated(loader: Any, name: str, path: str) -> Any:
    """Return a loader of the same kind for the module `name` in the file `path`."""
    if (getattr(loader, "name", name), getattr(loader, "path", path)) == (name, path):
        return loader
    other = copy.copy(loader)
    _set(other, **{key: value for key, value in (("name", name), ("path", path)) if hasattr(loader, key)})
    return other


def _set(loader: Any, **attributes: Any) -> None:
    if not isinstance(loader, type):  # a class that is its own loader is copied as itself
        with suppress(AttributeError):
            for name, value in attributes.items():
                setattr(loader, name, value)


def loader_for(loaders: Mapping[str, Any], name: str) -> Any:
    """Return the loader of a module or, if it has none, of the nearest package around it; None if there is none."""
    while name and name not in loaders:
        name = name.rpartition(".")[0]
    return loaders.get(name)
