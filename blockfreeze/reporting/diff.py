"""Comparing two generations: what a `SwapReport` says of their definitions. Nothing of them is changed here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap
from types import FunctionType
from typing import Any, NamedTuple

from blockfreeze.core.filling import Filling
from blockfreeze.core.report import FreshObject, ReplacedClass, SignatureChange, SwapReport
from blockfreeze.core.safe_access import ABSENT, CACHE_TYPE, is_a
from blockfreeze.identity.carry_over import makers_of
from blockfreeze.identity.equality import same
from blockfreeze.model.block import Generation
from blockfreeze.reporting.signatures import compare_functions
from blockfreeze.state.containers import fillings
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.done_again import done_again
from blockfreeze.versions.module_source import ModuleSource


def differences(before: Generation, after: Generation) -> SwapReport:
    """Compare the definitions, signatures, classes and containers of two complete generations.

    Returns:
        the report of a swap as far as it is known before the commit.
    """
    old, new = _definitions(before), _definitions(after)
    removed = sorted(old.keys() - new.keys())
    both = sorted(old.keys() & new.keys())
    changed = [name for name in both if not says_the_same(old[name].source, new[name].source, new[name].name)]
    incompatible = [f"{name} was removed" for name in removed if callable(old[name].value)]
    signatures: list[SignatureChange] = []
    for name in changed:
        was, now = before.own_value(old[name].value), after.own_value(new[name].value)
        if is_a(was, FunctionType) and is_a(now, FunctionType):
            found, lost = compare_functions(name, was, now)
            signatures += found
            incompatible += lost
    return SwapReport(
        after.block.name,
        "swap",
        before.number,
        after.number,
        members=(),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(removed),
        changed=tuple(changed),
        unchanged=tuple(sorted({*both}.difference(changed))),
        signature_changes=tuple(signatures),
        incompatible=tuple(incompatible),
        afresh=tuple(_afresh(before, after)),
        overwritten=tuple(_overwritten(before, after)),
        replaced_classes=tuple(starmap(ReplacedClass, sorted(after.report.replaced_classes.items()))),
        done_again=tuple(_done_again(before, after)),
    )


class _Definition(NamedTuple):
    source: ModuleSource
    name: str
    value: Any


def _definitions(generation: Generation) -> dict[str, _Definition]:
    found: dict[str, _Definition] = {}
    for member in generation.members.values():
        names = {name for name, one in member.linkage.bound.items() if one.kind != "import"}
        for name in names.union(member.linkage.unbound) & member.namespace.keys():
            found[f"{member.name}.{name}"] = _Definition(member.source, name, member.namespace[name])
    return found


def _done_again(before: Generation, after: Generation) -> Iterator[str]:
    """Yield the statements of `after`, with their places, that did outside of the block what `before` did there."""
    for name, member in after.members.items():
        if name not in before.members:
            continue
        classes = {path: cls for (module, path), cls in list(after.classes.named.items()) if module == name}
        silent = {
            path
            for path, cls in classes.items()
            if cls in after.classes.carried or not any(map(after.block.is_foreign, makers_of(cls)))
        }
        made_before = frozenset(silent).union(
            after.build.linked[name].made_before if name in after.build.linked else ()
        )
        old = before.members[name]
        again = done_again(member.source, after.block.covers, member.linkage, made_before)
        if again and not old.source.has_text_of(member.source):
            was = done_again(old.source, after.block.covers, old.linkage, ())
            said = {one.what for one in was}
            again = [one for one in again if one.what in said]
        yield from map(str, again)


def _afresh(before: Generation, after: Generation) -> Iterator[FreshObject]:
    """Yield what is not as the bodies of `before` have left it, and is in `after` as its bodies have made it."""
    new: dict[tuple[str, str], Filling] | None = None  # looked for only if something has changed
    for (member, path), was in fillings(before, known=before.report.sizes):
        size = before.report.sizes.get((member, path), None if was.unit == "set" else 0)
        root = path.partition(".")[0]
        if was.size == size or size is None or member not in after.members:
            continue
        new = dict(fillings(after)) if new is None else new
        now = new.get((member, path))
        if (now is not None and now.value is was.value) or (member, path) in after.contents.taken.get(
            before.number, ()
        ):
            continue
        # Where there is as much again, as in a registry that modules fill which are imported later, nothing is missing.
        if root in after.members[member].namespace and (now is None or now.size != was.size):
            kind = "lru_cache" if type(was.value) is CACHE_TYPE else type(was.value).__name__
            beside = after.members[member].linkage.state_used_beside(root)
            yield FreshObject(
                f"{member}.{path}", kind, was.size, 0 if now is None else now.size, beside, was.unit, path
            )


def _overwritten(before: Generation, after: Generation) -> Iterator[str]:
    for name, member in before.members.items():
        now = after.members[name].namespace if name in after.members else {}
        for key in sorted(member.set_outside):
            dunder = key.startswith("__") and key.endswith("__")
            if not dunder and not same(member.namespace.get(key, ABSENT), now.get(key, ABSENT)):
                yield f"{name}.{key}"
