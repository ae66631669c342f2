"""The classes that instances are of: their sub-classes, names and versions, and all of their instances."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from blockfreeze.core.safe_access import module_of
from blockfreeze.model.block import Generation
from blockfreeze.model.declared import Converter
from blockfreeze.model.legacy_attributes import LEGACY_OF
from blockfreeze.versions.outline import FIRST_VERSION, Version


def is_legacy_class(kind: type) -> bool:
    """Tell whether `kind` is a legacy class; see `legacy_classes`."""
    return LEGACY_OF in kind.__dict__


def with_subclasses(cls: type) -> Iterator[type]:
    """Yield a class and all of its sub-classes, whoever has defined them."""
    yield cls
    subclasses: list[type] = type.__subclasses__(cls)
    for one in subclasses:
        yield from with_subclasses(one)


def instances_of(kinds: list[type]) -> list[Any]:
    """Return the instances of exactly `kinds`, found in one walk through the heap, which holds up every thread."""
    return [one for one in gc.get_referrers(*kinds) if type(one) in kinds] if kinds else []


def full_name(cls: type) -> str:
    """Return the qualified name of a class, with its module's."""
    return f"{module_of(cls)}.{cls.__qualname__}"


def converter_of(generation: Generation, cls: type) -> Converter | None:
    """Return the converter that `generation` has for a class, or for its nearest base with one."""
    return next(
        (generation.classes.converters[base] for base in cls.__mro__ if base in generation.classes.converters), None
    )


def version_of(generation: Generation, cls: type) -> Version:
    """Return the version that `generation` gives to a class: its converter's."""
    found = converter_of(generation, cls)
    return FIRST_VERSION if found is None else found.version
