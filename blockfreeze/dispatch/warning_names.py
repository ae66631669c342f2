"""Which functions may give a warning that is to point at their caller, judged by the names in their code.

Only the forwarders of those are given a file name that `warnings` and `logging` skip (see `caller_view`), since a file
name that is not the file's is a difference too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Final

from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry
from blockfreeze.model.records import WarningNames

_WARNS: Final = re.compile("(?:^|_)warn(?:_|$)|deprecat|^stacklevel$", re.IGNORECASE | re.MULTILINE)
"""Names, each in a line, of what gives a warning, also on behalf of its caller as ``warnings._deprecated`` does, or is
told where."""


def hides_forwarders(block: Block, entry: Entry) -> bool:
    """Tell whether `warnings` and `logging` are to skip the frames of forwarders to `entry`."""
    for generation in tuple(block.generations.values()):
        names = generation.warning_names
        if names.members is not generation.members:
            names = generation.warning_names = _names_in(generation)
        warns = names.entries.get(entry)
        if warns is None:
            warns = names.entries[entry] = _may_warn(names, entry, generation.locals.get(entry))
        if warns:
            return True
    return False


def _may_warn(names: WarningNames, entry: Entry, local: object) -> bool:
    """Tell whether what serves `entry` in a generation may give a warning that is to point at its caller."""
    if entry.attribute in names.found:
        return True
    if type(local) is not FunctionType:  # a wrapper has another name than the function, and may come from outside
        return False
    code = local.__code__
    return code.co_name in names.found or (code.co_name not in names.known and _warns(code.co_names))


def _names_in(generation: Generation) -> WarningNames:
    members = generation.members
    mentions = [member.linkage.mentions for member in members.values()]
    for other in tuple(generation.block.generations.values()):
        # Modules that have not changed are linked once, so a swap mostly finds what it has found before.
        names = other.warning_names
        if mentions and list(map(id, names.mentions)) == list(map(id, mentions)):
            return WarningNames(members, mentions, names.found, names.known, {})
    return WarningNames(members, mentions, _names_that_may_warn(mentions), frozenset().union(*mentions), {})


def _warns(names: Iterable[str]) -> bool:
    return _WARNS.search("\n".join(names)) is not None


def _names_that_may_warn(modules: Iterable[Mapping[str, tuple[str, ...]]]) -> frozenset[str]:
    """Return the names of the functions and classes that warn by the names in their code, or mention one that may.

    Args:
        modules: for each module of a generation, the names that its functions and classes mention.
    """
    users: defaultdict[str, list[str]] = defaultdict(list)
    for module in modules:
        for name, mentioned in module.items():
            for one in mentioned:
                users[one].append(name)
    found = {name for name in users if _warns((name,))}
    todo = list(found)
    while todo:
        more = set(users.get(todo.pop(), ())) - found
        found |= more
        todo += more
    return frozenset(found)
