"""The application of a block by its module and attribute, ``"shop.app:app"``: each generation has its own."""

from __future__ import annotations

import importlib
import sys
from functools import reduce
from typing import Any

from blockfreeze.api import freeze, registry
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.dispatch.pins import Pin


class Target:
    """An application of a block, looked up for each request in the generation to which the request is pinned."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._module, _, attributes = place.partition(":")
        self._attributes = attributes.split(".")
        if not self._module or not all(self._attributes):
            raise BlockfreezeError(
                f"{place!r}: the entry was not made: it names no attribute of a module; write 'module:attribute'"
            )
        importlib.import_module(self._module)  # it becomes a block now, if that was to be done when it is imported
        self.block = freeze.block_of(self._module, "entry")
        self.application()

    def application(self) -> Any:
        """Return the application of the generation that the running context is in.

        Raises:
            AttributeError: that generation has none.
        """
        return reduce(getattr, self._attributes, sys.modules[self._module])

    def is_fenced(self) -> bool:
        """Tell whether requests are to be refused now."""
        return registry.is_fenced(self.block)

    def pin(self, function: str) -> Pin[int]:
        """Return a pin for one request.

        Args:
            function: describes the request in the lists of what lingers.
        """
        return Pin[int]((self.block,), function)


class PinnedApplication:
    """An application outside of every block, each of whose requests is pinned to one generation of some blocks."""

    def __init__(self, app: Any, modules: tuple[Any, ...]) -> None:
        self.place = repr(app)
        self._app = app
        self._blocks = tuple(freeze.block_of(one, "pin") for one in modules)
        if not modules:
            raise BlockfreezeError(f"{app!r}: no block was named to which its requests are pinned; name one")

    def application(self) -> Any:
        """Return the application."""
        return self._app

    def is_fenced(self) -> bool:
        """Tell whether requests are to be refused now."""
        return any(map(registry.is_fenced, self._blocks))

    def pin(self, function: str) -> Pin[Any]:
        """Return a pin for one request.

        Args:
            function: describes the request in the lists of what lingers.
        """
        return Pin[Any](self._blocks, function)
