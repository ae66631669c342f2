"""Functions of a block that a request names, ``shop.health:check``: they come from the release, not over the socket."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from blockfreeze.core.errors import ControlError
from blockfreeze.model.block import Block
from blockfreeze.swapping.candidate import Candidate
from blockfreeze.versions.module_source import covers


def in_candidate(block: Block, candidate: Candidate, place: str) -> Callable[[Candidate], object]:
    """Return a function of a candidate; it is called with the candidate, or with nothing if it takes nothing.

    Raises:
        ControlError: it is not in the block.
        AttributeError: the candidate does not have it.
    """
    module, attributes = _parts(block, place)
    root = next(root for root in block.roots if covers((root,), module))
    inside = module.removeprefix(root).split(".")[1:]
    found: Any = reduce(getattr, [*inside, *attributes], candidate)
    return _called_with_what_it_takes(found)


def in_service(block: Block, place: str) -> Callable[[], object]:
    """Return a function of the generation that serves: called with the module, or with nothing if it takes nothing.

    Raises:
        ControlError: it is not in the block.
        AttributeError, ImportError: the block does not have it.
    """
    module, attributes = _parts(block, place)
    found: Any = reduce(getattr, attributes, importlib.import_module(module))
    return partial(_called_with_what_it_takes(found), block.facades[block.roots[0]])


def _parts(block: Block, place: str) -> tuple[str, list[str]]:
    module, _, attribute = place.partition(":")
    attributes = attribute.split(".")
    if not module or not all(attributes) or not block.covers(module):
        raise ControlError(
            f"{place!r}: no function of the block {block.name}; write 'module:function', of a module of the block"
        )
    return module, attributes


def _called_with_what_it_takes(function: Callable[..., object]) -> Callable[[Any], object]:
    own = function.args[-1] if isinstance(function, partial) else function  # a candidate's partial hides the signature
    try:
        inspect.signature(own).bind(None)
    except TypeError:
        return lambda _: function()
    except ValueError:  # no signature is known of it
        return function
    return function
