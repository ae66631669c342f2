"""Comparing two objects of two versions, with all that they hold: does anything but identity distinguish them?"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any

from blockfreeze.core.filling import filling, is_told_by_size
from blockfreeze.core.safe_access import ATOMS, is_a
from blockfreeze.identity.contents import CONTAINERS, Held, items_of, meant, meant_by
from blockfreeze.identity.equality import IDENTITIES, attributes_of, is_transparent, same

_ENOUGH = 10_000  # pairs of objects: to compare more costs more than an identity is worth

_AS_THEY_ARE: Mapping[int, Held] = MappingProxyType({})
_SETTLED: Mapping[int, Any] = MappingProxyType({})


def counterparts(
    before: Any,
    after: Any,
    kinds: Collection[type],
    replace: Mapping[int, Any],
    left: Mapping[int, Held] = _AS_THEY_ARE,
    settled: Mapping[int, Any] = _SETTLED,
) -> dict[int, Any] | None:
    """Compare two objects, and all that they hold: does anything but identity distinguish them?

    Example: ``Currency("EUR", [Coin(1), Coin(2)])`` from two versions, whose classes have not changed.

    Args:
        before: the object that is there already.
        after: the other one.
        kinds: the classes whose instances are entered; of other objects only containers are.
        replace: what stands for an object that `after` may hold, by its id.
        left: what objects that `before` may lead to held when it was as it is to be compared, by their ids.
        settled: what was found before: by the ids of objects that `after` may lead to, what each is the counterpart of.

    Returns:
        by the ids of the objects that `after` is made of, those that `before` is made of in the same way; None if
        something distinguishes the two.
    """
    found: dict[int, Any] = {}
    taken: dict[int, Any] = {}  # the other way round: what is one object here has to be one there
    seen: set[tuple[int, int]] = set()
    todo: list[tuple[Any, Any]] = [(before, after)]
    while todo and len(seen) < _ENOUGH:
        one, other = todo.pop()
        if id(other) in settled:
            if settled[id(other)] is one:
                continue
            return None
        other = replace.get(id(other), other)
        if one is other or (id(one), id(other)) in seen or same(one, other):
            continue
        seen.add((id(one), id(other)))
        if type(one) is not type(other) or id(other) in found or id(one) in taken:
            return None
        if type(one) is not tuple:
            found[id(other)], taken[id(one)] = one, other
        pairs = _pairs(one, other, kinds, left, replace)
        if pairs is None:
            return None
        todo += pairs
    return None if todo else found


def holds_the_same(before: Any, after: Any, replace: Mapping[int, Any]) -> bool:
    """Tell whether two values, or containers of such, hold the same, all through; see `counterparts`."""
    return counterparts(before, after, (), replace) is not None


def _pairs(
    one: Any, other: Any, kinds: Collection[type], left: Mapping[int, Held], replace: Mapping[int, Any]
) -> list[tuple[Any, Any]] | None:
    """Pair what two objects of one type hold; None if they differ already, or cannot be looked into."""
    kind = type(one)
    if kind in IDENTITIES:
        return []
    held = left.get(id(one))
    if held is None or not held.is_of(one):
        held = None
    is_entered = kind in kinds and is_transparent(kind)
    if not is_entered and is_told_by_size(kind):
        return _told_by_size(other, held)
    if not is_entered and kind is not tuple and kind not in CONTAINERS:
        return None
    attributes = _paired_attributes(one, other, held) if is_entered else []
    if not is_a(one, set):
        items = _paired_items(one, other, held, replace)
    else:
        now = [replace.get(id(item), item) for item in items_of(other)]
        items = _paired_elements(_held_items(one, held), now, kinds)
    return None if attributes is None or items is None else attributes + items


def _told_by_size(other: Any, held: Held | None) -> list[tuple[Any, Any]] | None:
    now = filling(other)
    if held is None or now is None or held.size != now.size or (now.size and type(other) is not count):
        return None
    return []


def _paired_attributes(one: Any, other: Any, held: Held | None) -> list[tuple[Any, Any]] | None:
    was, now = attributes_of(one), attributes_of(other)
    if held is not None:
        names = held.attributes[::2]
        was = {name: meant(mark, was.get(name)) for name, mark in zip(names, held.attributes[1::2], strict=True)}
    if list(was) != list(now) and not (_is_value(type(one)) and was.keys() >= now.keys()):
        return None
    return [(was[name], value) for name, value in now.items()]


def _is_value(kind: type) -> bool:
    """Tell whether instances are told apart by their items, like types of tokens: ``Token("a", "b")``.

    Attributes that such an object has beside them are others that were made from it since; the old one may have more.
    """
    return issubclass(kind, tuple) and kind.__eq__ is tuple.__eq__ and kind.__hash__ is tuple.__hash__


def _paired_elements(was: list[Any], now: list[Any], kinds: Collection[type]) -> list[tuple[Any, Any]] | None:
    """Pair the elements of two sets of constants, or of values; of the latter the first set may have more."""
    if len(was) == len(now) and set(map(id, was)) == set(map(id, now)):
        return []
    if not all(type(item) in ATOMS or _is_value(type(item)) for item in (*was, *now)):
        return None
    if not all(type(item) in ATOMS or type(item) in kinds for item in now):
        return None
    if len(was) > len(now) and any(type(item) in ATOMS for item in was):
        return None
    equal = {item: item for item in was}
    return [(equal[item], item) for item in now] if all(item in equal for item in now) else None


def _paired_items(one: Any, other: Any, held: Held | None, replace: Mapping[int, Any]) -> list[tuple[Any, Any]] | None:
    was, now = _held_items(one, held), items_of(other)
    if len(was) != len(now):
        return None
    # Most of a large table are constants, which copies of one code share.
    others = [pair for pair in zip(was, now, strict=True) if pair[0] is not pair[1] or id(pair[1]) in replace]
    pairs = list({(id(first), id(second)): (first, second) for first, second in others}.values())
    if type(one) is defaultdict:
        pairs.append((one.default_factory, other.default_factory))
    return pairs if type(one) is not deque or one.maxlen == other.maxlen else None


def _held_items(value: Any, held: Held | None) -> list[Any]:
    """Return what a container held, in its order; where a record knows no more, what is certain to differ."""
    now = items_of(value)
    return now if held is None else meant_by(held.items, now)
