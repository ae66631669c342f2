"""Comparing two generations: what a `SwapReport` says. Nothing is changed here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from blockfreeze.core.report import (
    Converted,
    FreshObject,
    Lingering,
    Migrated,
    ReplacedClass,
    Repointed,
    SignatureChange,
    SwapReport,
    Unreached,
)
from blockfreeze.core.safe_access import ABSENT, CACHE_TYPE, is_a
from blockfreeze.dispatch.forwarders import function_kind
from blockfreeze.identity.carry_over import makers_of
from blockfreeze.identity.equality import same
from blockfreeze.model.block import Generation
from blockfreeze.reporting.signatures import kind_name, narrows
from blockfreeze.state.containers import container_sizes, size_of
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.effects import Survey
from blockfreeze.versions.module_source import ModuleSource


class Differences:
    """The definitions of two generations, sorted: each field has the name and meaning of `SwapReport`'s."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.removed: list[str] = []
        self.changed: list[str] = []
        self.unchanged: list[str] = []
        self.signature_changes: list[SignatureChange] = []
        self.incompatible: list[str] = []
        self.afresh: list[FreshObject] = []
        self.overwritten: list[str] = []
        self.replaced_classes: list[ReplacedClass] = []
        self.done_again: list[str] = []


def _definitions(generation: Generation) -> dict[str, tuple[ModuleSource, str, Any]]:
    found: dict[str, tuple[ModuleSource, str, Any]] = {}
    for member in generation.members.values():
        names = {name for name, one in member.linkage.bound.items() if one.kind != "import"} | set(
            member.linkage.unbound
        )
        for name in names & member.namespace.keys():
            found[f"{member.name}.{name}"] = member.source, name, member.namespace[name]
    return found


def _own_function(generation: Generation, value: Any) -> Any:
    entry = generation.block.entry_of(value)
    return value if entry is None else generation.locals.get(entry, value)


def differences(before: Generation, after: Generation) -> Differences:
    """Compare the definitions, signatures, classes and containers of two complete generations."""
    result = Differences()
    old, new = _definitions(before), _definitions(after)
    result.added = sorted(new.keys() - old.keys())
    result.removed = sorted(old.keys() - new.keys())
    result.incompatible = [f"{name} was removed" for name in result.removed if callable(old[name][2])]
    for name in sorted(old.keys() & new.keys()):
        (source_before, _, old_value), (source, own_name, value) = old[name], new[name]
        if says_the_same(source_before, source, own_name):
            result.unchanged.append(name)
            continue
        result.changed.append(name)
        was, now = _own_function(before, old_value), _own_function(after, value)
        if is_a(was, FunctionType) and is_a(now, FunctionType):
            _compare_functions(name, was, now, result)
    result.afresh = list(_afresh(before, after))
    result.overwritten = list(_overwritten(before, after))
    result.replaced_classes = [
        ReplacedClass(name, reason) for name, reason in sorted(after.report.replaced_classes.items())
    ]
    result.done_again = list(_done_again(before, after))
    return result


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
        same = old.source.data == member.source.data and old.source.path == member.source.path
        known = before.report.runs_again.get(name)
        if known is None or not same or known[0] != made_before:
            known = made_before, Survey(member.source, after.block.covers, member.linkage, made_before).runs_again
        after.report.runs_again[name] = known
        if same:
            yield from map(str, known[1])
        elif known[1]:
            was = Survey(old.source, after.block.covers, old.linkage, frozenset()).runs_again
            said = {one.what for one in was}
            yield from (str(one) for one in known[1] if one.what in said)


def _compare_functions(name: str, was: FunctionType, now: FunctionType, result: Differences) -> None:
    if function_kind(was.__code__) != function_kind(now.__code__):
        result.incompatible.append(f"{name} was {kind_name(was)} and is {kind_name(now)}")
    try:
        before, after = inspect.signature(was), inspect.signature(now)
    except (TypeError, ValueError, NameError):
        return
    if str(before) != str(after):
        narrowed = narrows(before, after)
        result.signature_changes.append(SignatureChange(name, str(before), str(after), narrowed))
        if narrowed:
            result.incompatible.append(f"{name}{before} is narrowed to {after}")


def _afresh(before: Generation, after: Generation) -> Iterator[FreshObject]:
    for (member, name), size in container_sizes(before):
        if size == before.report.sizes.get((member, name), 0) or member not in after.members:
            continue
        old = before.members[member].namespace[name]
        new = after.members[member].namespace.get(name)
        if new is not None and new is not old:
            kind = "lru_cache" if type(old) is CACHE_TYPE else type(old).__name__
            beside = after.members[member].linkage.state_used_beside(name)
            yield FreshObject(f"{member}.{name}", kind, size, size_of(new) or 0, beside)


def _overwritten(before: Generation, after: Generation) -> Iterator[str]:
    for name, member in before.members.items():
        now = after.members[name].namespace if name in after.members else {}
        for key in sorted(member.set_outside):
            dunder = key.startswith("__") and key.endswith("__")
            if not dunder and not same(member.namespace.get(key, ABSENT), now.get(key, ABSENT)):
                yield f"{name}.{key}"


def report(
    found: Differences,
    kind: str,
    before: Generation,
    after: Generation,
    pointed: list[Repointed],
    unreached: list[Unreached],
    lingering: list[Lingering],
    phases: dict[str, float],
    migrated: tuple[Migrated, ...],
    converted: tuple[Converted, ...],
) -> SwapReport:
    """Return the report of a swap or a rollback that has been committed."""
    return SwapReport(
        block=after.block.name,
        kind=kind,
        from_generation=before.number,
        to_generation=after.number,
        members=tuple(sorted(after.members)),
        added=tuple(found.added),
        removed=tuple(found.removed),
        changed=tuple(found.changed),
        unchanged=tuple(found.unchanged),
        signature_changes=tuple(found.signature_changes),
        incompatible=tuple(found.incompatible),
        afresh=tuple(found.afresh),
        overwritten=tuple(found.overwritten),
        kept_state=tuple(sorted(after.report.kept_state)),
        migrated=migrated,
        converted=converted,
        replaced_classes=tuple(found.replaced_classes),
        repointed=tuple(pointed),
        unreached=tuple(unreached),
        done_again=tuple(found.done_again) if kind == "swap" else (),
        lingering=tuple(lingering),
        phases=dict(phases),
        source_hash=after.snapshot.hash(after.members),
    )
