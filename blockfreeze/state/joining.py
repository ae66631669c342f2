"""What a module that joins puts into what other modules of its version hold: a later version's bodies do it again.

A module registers what it has with a registry of another one, whether it is imported with its package or later. That is
no doing of others: it would be brought over to the next version, whose body does it as well. So what others have put in
is found before the body runs, and whatever else is there afterwards counts as left by bodies. It holds for modules that
the body imports too, one inside the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import chain
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.identity.contents import Held, identity_of, items_of, marked, meant, meant_by
from blockfreeze.identity.equality import attributes_of
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.model.block import Generation

_MANY = 20_000
"""Items: a container that holds more is not looked at, so that an import costs no more with large tables."""

_Slot = tuple[Hashable, ...]


class Joining:
    """One module that joins a generation, from before its body runs."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        # What is recorded meanwhile, of a module that this one imports, is in neither: nobody had it before.
        self._by_others = {id(held): (held, _by_others(held, value)) for held, value in _recorded(generation)}
        self._counted = {place: live - base for place, base, live in _numbers(generation)}

    def end(self) -> None:
        """Record that its body has run."""
        for held, value in list(_recorded(self._generation)):
            _, by_others = self._by_others.get(id(held), (held, (Counter(), Counter())))
            held.items = _without_others(held.items, items_of(value), _step(value), by_others[0])
            if held.attributes or by_others[1]:
                held.attributes = _without_others(held.attributes, items_of(attributes_of(value)), 2, by_others[1])
        for place, _, live in list(_numbers(self._generation)):
            key, name = place
            self._generation.contents.of_classes[key][name] = live - self._counted.get(place, 0)


def _recorded(generation: Generation) -> Iterator[tuple[Held, Any]]:
    for held in list(generation.contents.left.values()):
        value = meant(held.thing, ABSENT)
        if value is not ABSENT and len(held.items) <= _MANY and len(items_of(value)) <= _MANY:
            yield held, value


def _numbers(generation: Generation) -> Iterator[tuple[tuple[tuple[str, str], str], int, int]]:
    """Yield the numbers of classes: where each is, what was recorded, and what it is now."""
    for key, own in list(generation.contents.of_classes.items()):
        cls = generation.classes.named.get(key)
        for name, base in own.items() if cls is not None else ():
            if type(base) is int:
                live = outward_value(cls.__dict__.get(name, ABSENT), generation)
                if type(live) is int:
                    yield (key, name), base, live


def _by_others(held: Held, value: Any) -> tuple[Counter[_Slot], Counter[_Slot]]:
    own = _difference(held.attributes, items_of(attributes_of(value)), 2) if held.attributes else Counter[_Slot]()
    return _difference(held.items, items_of(value), _step(value)), own


def _step(value: Any) -> int:
    """Return how many items belong together: a key and its value."""
    return 2 if is_a(value, dict) else 1


def _difference(was: list[Any], now: list[Any], step: int) -> Counter[_Slot]:
    """Return what there is more now, and what less with a negative number."""
    found = Counter(_slots(now, step))
    found.subtract(_slots(meant_by(was, now), step))
    return Counter({slot: count for slot, count in found.items() if count})


def _slots(items: list[Any], step: int) -> list[_Slot]:
    """Return the items by their identities, those in one that belong together."""
    return [tuple(map(identity_of, items[at : at + step])) for at in range(0, len(items), step)]


def _without_others(was: list[Any], now: list[Any], step: int, by_others: Counter[_Slot]) -> list[Any]:
    """Return the record of what is there now without what others have put in, and with what they have taken out."""
    more, less = +by_others, -by_others
    kept: list[list[Any]] = []
    for at, slot in reversed(list(enumerate(_slots(now, step)))):
        if more[slot] > 0:
            more[slot] -= 1
        else:
            kept.append(now[at * step : (at + 1) * step])
    result = marked(chain.from_iterable(reversed(kept)))
    for at, slot in enumerate(_slots(meant_by(was, now), step)):
        if less[slot] > 0:
            less[slot] -= 1
            result += was[at * step : (at + 1) * step]
    return result
