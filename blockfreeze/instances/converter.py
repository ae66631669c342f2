"""Which converter and which version a generation has for a class."""

from __future__ import annotations

from blockfreeze.model.block import Generation
from blockfreeze.model.declared import Converter
from blockfreeze.versions.outline import FIRST_VERSION, Version


def converter_of(generation: Generation, cls: type) -> Converter | None:
    """Return the converter that `generation` has for a class, or for its nearest base with one."""
    return next(
        (generation.classes.converters[base] for base in cls.__mro__ if base in generation.classes.converters), None
    )


def version_of(generation: Generation, cls: type) -> Version:
    """Return the version that `generation` gives to a class: its converter's."""
    found = converter_of(generation, cls)
    return FIRST_VERSION if found is None else found.version
