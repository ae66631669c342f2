"""Bringing over what others have put into what two generations make by the same statement, each in its own way.

A container that the new body leaves as the old body left it is one object for both (`blockfreeze.identity.preserved`).
Where the bodies leave different things in theirs, say one more handler, each generation has its own; what was put in,
exchanged or taken out since the old body ended is done to the new one's as well. What the new body itself puts
differently stays. So it is with the numbers of classes, which count on.

That is done when a generation is complete, so that a check finds it, and again right before the commit or rollback.

Threads: by the thread that builds `after` or holds the claim.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from copy import copy
from typing import Any

from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a
from blockfreeze.identity.adopt import version_attribute
from blockfreeze.identity.class_attributes import is_shared, set_item
from blockfreeze.identity.contents import (
    CONTAINERS,
    Dispatch,
    Held,
    container_of,
    identity_of,
    is_as_left,
    items_of,
    meant,
    meant_by,
    record,
)
from blockfreeze.identity.equality import same
from blockfreeze.identity.memories import computes_the_same, holds_old_results
from blockfreeze.identity.methods import is_own
from blockfreeze.identity.versioned_attribute import VersionedAttribute, outward_value
from blockfreeze.model.block import Block, Generation
from blockfreeze.state.containers import is_marked
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.outline import outline_of

_Key = tuple[str, str]


def bring_over(before: Generation, after: Generation) -> None:
    """Let `after` have what was put into what `before` made, since the last time if there was one."""
    taken = after.contents.taken.setdefault(before.number, {})
    places = after.contents.places
    decided: dict[tuple[int, int], bool] = {}  # several places may lead to one container: the first is its own name
    for key, was in list(before.contents.places.items()):
        has = places.get(key)
        if was is has or type(was) is not type(has):
            continue
        if key not in taken and is_as_left(was, before.contents.left):
            continue
        pair = id(was), id(has)
        if pair not in decided:
            decided[pair] = _may_be_taken(before, after, key)
            if decided[pair]:
                _Merge(after.block, taken.get(key, before.contents.left)).bring(was, has)
        if decided[pair]:
            taken[key] = _snapshot(was)
    if not after.block.patchable:  # there, what is set on a class from outside is a patch
        _bring_attributes(before, after, taken)


def note_taken(before: Generation, after: Generation) -> None:
    """Note, once `after` serves, what it has of `before`: a way back brings over what is put in from now on."""
    keys = after.contents.taken.get(before.number, {}).keys()
    places = after.contents.places
    back: dict[_Key, Any] = {key: _snapshot(places[key]) for key in keys if key in places}
    for module, path in keys - back.keys():
        cls, name = _attribute(after, module, path)
        back[module, path] = outward_value(cls.__dict__.get(name, ABSENT), after)
    before.contents.taken[after.number] = back


def _snapshot(value: Any) -> dict[int, Held]:
    found: dict[int, Held] = {}
    record(found, {}, [value], ())
    return found


def _may_be_taken(before: Generation, after: Generation, key: _Key) -> bool:
    """Tell whether unchanged statements have made what is at a place in two generations, and it is no old memory."""
    module, path = key
    was, now = before.members[module].source, after.members[module].source
    outline = outline_of(now)
    above, _, name = path.rpartition(".")
    if outline is None:
        return False
    binding = path if outline.binds(path) else above
    inside = () if binding == path else (f".{name}", name)
    if type(before.contents.places[key]) is Dispatch:
        return True  # its decorator has made it, whatever the function says
    if not says_the_same(was, now, binding):
        return False
    if inside and "." not in binding and not computes_the_same(before, after, module, binding):
        return False
    return not holds_old_results(before, after, module, binding, inside)


class _Merge:
    """Doing to containers of one generation what others have done to those of another since they were recorded."""

    def __init__(self, block: Block, left: dict[int, Held]) -> None:
        self.block = block
        self.left = left

    def bring(self, was: Any, has: Any) -> None:
        """Do to `has` what was done to `was`."""
        held = self.left.get(id(container_of(was)))
        if held is None or not held.is_of(container_of(was)):
            return
        if is_a(was, dict) or type(was) is Dispatch:
            self._bring_items(held, was, has)
        else:
            self._bring_elements(held, was, has)

    def _is_put_in(self, value: Any) -> bool:
        """Tell whether a value may have come from outside: what a body defines is another function in each version."""
        return not is_own(self.block, value) or "<locals>" in value.__qualname__

    def _bring_items(self, held: Held, was: Any, has: Any) -> None:
        live, mine = _pairs_of(was), _pairs_of(has)
        left = {
            meant(key, ABSENT): meant(value, live.get(meant(key, ABSENT), ABSENT))
            for key, value in zip(held.items[::2], held.items[1::2], strict=True)
        }
        for key, value in live.items():
            mark = left.get(key, ABSENT)
            if mark is value or same(mark, value):
                self._bring_inside(value, has, key, mine.get(key, ABSENT))
            elif self._is_put_in(value) and (key not in mine or (mark is not ABSENT and same(mine[key], mark))):
                _set(has, key, value)
        for key, mark in left.items():
            if key not in live and key in mine and same(mine[key], mark) and is_a(has, dict):
                _kind(has).__delitem__(has, key)

    def _bring_inside(self, was: Any, has: Any, key: Any, inner: Any) -> None:
        """Do to a container inside, which the body has put there, what was done to it."""
        if type(was) not in CONTAINERS or was is inner:
            return
        if type(inner) is type(was):
            self.bring(was, inner)
        elif inner is ABSENT and not is_as_left(was, self.left):
            alone = copy(was)
            _kind(alone).clear(alone)
            self.bring(was, alone)
            if alone:
                _set(has, key, alone)

    def _bring_elements(self, held: Held, was: Any, has: Any) -> None:
        live = items_of(was)
        left = Counter(map(identity_of, meant_by(held.items, live)))
        left.subtract(map(identity_of, live))
        for one in reversed(items_of(has)):
            if left[identity_of(one)] > 0:
                left[identity_of(one)] -= 1
                _kind(has).remove(has, one)
        add = _kind(has).add if is_a(has, set) else _kind(has).append
        added: list[Any] = []
        for one in reversed(live):
            if left[identity_of(one)] < 0:
                left[identity_of(one)] += 1
                added.append(one)
        for one in reversed(added):
            if self._is_put_in(one):
                add(has, one)


def _pairs_of(value: Any) -> dict[Any, Any]:
    items = items_of(container_of(value))
    return dict(zip(items[::2], items[1::2], strict=True))


def _kind(value: Any) -> Any:
    return next(kind for kind in (OrderedDict, dict, list, set, deque) if is_a(value, kind))


def _set(has: Any, key: Any, value: Any) -> None:
    if type(has) is Dispatch:
        has.register(key, value)
    else:
        _kind(has).__setitem__(has, key, value)


def _attribute(generation: Generation, module: str, path: str) -> tuple[type, str]:
    above, _, name = path.rpartition(".")
    return generation.classes.named[module, above], name


def _bring_attributes(before: Generation, after: Generation, taken: dict[_Key, Any]) -> None:
    """Let the classes of `after` have what was set, or counted, in their attributes."""
    for (module, path), cls in list(after.classes.named.items()):
        left = before.contents.of_classes.get((module, path), {})
        if before.classes.named.get((module, path)) is not cls or is_shared(cls, before, after):
            continue
        set_since = before.classes.assigned.get(cls, set()) | before.classes.assignable.intersection(cls.__dict__)
        for name in set_since - left.keys():
            key = module, f"{path}.{name}"
            live = outward_value(cls.__dict__.get(name, ABSENT), before)
            mine = after.classes.values[cls].get(name, ABSENT)
            if is_marked(name) or live is ABSENT or live is mine or mine is not taken.get(key, ABSENT):
                continue  # a special method that is set is code of its version: one makes it when it is first needed
            if is_own(after.block, live):
                continue
            if not holds_old_results(before, after, *key):
                _set_on_class(before, after, cls, name, live)
                taken[key] = live
        for name, was in left.items():
            if not is_a(was, ATOMS):
                continue
            key = module, f"{path}.{name}"
            base, mine = taken.get(key, was), after.classes.values[cls].get(name, ABSENT)
            live = outward_value(cls.__dict__.get(name, ABSENT), before)
            if same(live, base) or ABSENT in (live, mine) or is_own(after.block, live):
                continue
            sources = before.members[module].source, after.members[module].source
            new = _counted(base, live, mine)
            if new is mine or not says_the_same(*sources, key[1]):
                continue
            if type(new) is int or not holds_old_results(before, after, *key):  # a number is counted on
                _set_on_class(before, after, cls, name, new)
                taken[key] = live


def _counted(base: Any, live: Any, mine: Any) -> Any:
    if type(base) is type(live) is type(mine) is int:
        return mine + live - base
    return live if same(mine, base) else mine


def _set_on_class(before: Generation, after: Generation, cls: type, name: str, value: Any) -> None:
    set_item(after.classes.values[cls], name, value)
    versioned = cls.__dict__.get(name, ABSENT)
    if is_a(versioned, VersionedAttribute):
        versioned.inner[after] = versioned.outward[after] = value
    else:
        version_attribute(before, after, cls, name)
