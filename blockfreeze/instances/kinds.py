"""The classes that instances are of: their sub-classes and names, and all of their instances."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from blockfreeze.model.legacy_attributes import LEGACY_OF


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
    return f"{cls.__module__}.{cls.__qualname__}"
