"""Memories of results: a cache survives a swap only if the code whose results it holds is what it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from blockfreeze.core.safe_access import ABSENT, ATOMS, is_a
from blockfreeze.model.block import Generation, Member
from blockfreeze.versions.agreement import skeletons_agree
from blockfreeze.versions.uses import uses_of


def says_all_the_same(before: Generation, after: Generation) -> bool:
    """Tell whether every module that both generations have is of the same text in both."""
    return all(
        name in before.members and before.members[name].source.has_text_of(member.source)
        for name, member in after.members.items()
    )


def computes_the_same(before: Generation, after: Generation, module: str, name: str) -> bool:
    """Tell whether the statement of a name, and all that it reads and calls, is of the same text in two generations."""

    def means_the_same(module: str, name: str) -> bool:
        """Tell whether a star import brings under a name an object from outside, and the same one as before."""
        meant = before.members[module].meaning(name) if module in before.members else ABSENT
        now = after.members[module].meaning(name) if module in after.members else None
        return now is meant and after.block.entry_of(now) is None and not is_a(now, (*ATOMS, type))

    return skeletons_agree(
        lambda one: before.members[one].source if one in before.members else None,
        after.snapshot.modules.get,
        module,
        name,
        after.block.covers,
        lambda outline, name: None,
        means_the_same,
    )


def holds_old_results(
    before: Generation, after: Generation, module: str, binding: str, names: Collection[str] = ()
) -> bool:
    """Tell whether what a statement makes is a memory of results that other code than that of `after` has computed.

    Args:
        module: where the statement is.
        binding: what it binds: a name, or that of an attribute with the class in front and a dot.
        names: the attributes inside, each with a dot in front, in which it may hold results.
    """
    root, _, attribute = binding.partition(".")
    known = {root, *names} if not attribute else {f".{attribute.rpartition('.')[2]}", *names}
    remembering = [
        (member.name, definition)
        for member in before.members.values()
        if _mentions(member, known)
        for definition in _remembering(member, known)
    ]
    if not remembering or says_all_the_same(before, after):
        return False
    asked = {(module, root), *remembering}
    return not all(computes_the_same(before, after, *one) for one in asked)


def _mentions(member: Member, names: Collection[str]) -> bool:
    plain = {name.removeprefix(".") for name in names}
    return any(not plain.isdisjoint(used) for used in member.linkage.mentions.values())


def _remembering(member: Member, names: Collection[str]) -> Iterator[str]:
    uses = uses_of(member.source)
    for name in names:
        yield from () if uses is None else uses.memories(name)
