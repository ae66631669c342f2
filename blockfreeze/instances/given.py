"""Converters that whoever swaps a block gives from outside, for a version that says nothing of older instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from blockfreeze.core.errors import IncompatibleBlockError
from blockfreeze.dispatch.vector import call_in
from blockfreeze.identity.adopt import watch_construction
from blockfreeze.instances.kinds import full_name, version_of
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.declared import Converter

GivenConverter = Callable[..., object] | tuple[Callable[..., object], Callable[..., object]]
"""A function as `blockfreeze.converts` takes it, or two: it, and its inverse for a rollback."""


def take_converters(block: Block, generation: Generation, given: Mapping[Any, GivenConverter]) -> None:
    """Let `generation`, which does not serve yet, convert instances as it is told.

    Args:
        given: by class, or by its qualified name with its module's. All instances made before are converted.

    Raises:
        IncompatibleBlockError: the new version has no such class.
    """
    for key, function in given.items():
        name = key if isinstance(key, str) else full_name(key)
        named = generation.classes.named.items()
        cls = next((one for (module, path), one in named if f"{module}.{path}" == name), None)
        if cls is None or cls not in generation.classes.values:
            problem = f"there is a converter for {name}, which is no class of the new version"
            raise IncompatibleBlockError(
                f"{block.name}: the swap was refused: {problem}; generation {block.current.number} still serves; "
                "name a class of the block",
                block=block.name,
                problems=(problem,),
            )
        hook, inverse = function if isinstance(function, tuple) else (function, None)
        # What it asks of the block is the new version's, also where that does not serve yet.
        inside = partial(call_in, generation, hook)
        generation.classes.converters[cls] = Converter(version_of(generation, cls), inside, inverse, given=True)
        if cls in block.current.classes.values:
            watch_construction(block, cls)
