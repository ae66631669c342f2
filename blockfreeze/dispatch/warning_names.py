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

_WARNS: Final = re.compile("(?:^|_)warn(?:_|$)|deprecat|^stacklevel$", re.IGNORECASE | re.MULTILINE)
"""Names, each in a line, of what gives a warning, also on behalf of its caller as ``warnings._deprecated`` does, or is
told where."""


def hides_forwarders(block: Block, entry: Entry) -> bool:
    """Tell whether `warnings` and `logging` are to skip the frames of forwarders to `entry`."""
    for generation in tuple(block.generations.values()):
        members, found, known = generation.warning_names
        if members is not generation.members:
            found, known = _names_in(generation)
        if entry.attribute in found:
            return True
        local = generation.locals.get(entry)  # a wrapper has another name than the function, and may come from outside
        if type(local) is FunctionType:
            code = local.__code__
            if code.co_name in found or (code.co_name not in known and _warns(code.co_names)):
                return True
    return False


def _names_in(generation: Generation) -> tuple[frozenset[str], frozenset[str]]:
    """Find the names of the functions of a generation that may give a warning which is to point at their caller.

    Returns:
        those, and the names of all its functions.
    """
    members = generation.members
    mentions = [member.linkage.mentions for member in members.values()]
    for other in tuple(generation.block.generations.values()):
        # Modules that have not changed are linked once, so a swap mostly finds what it has found before.
        earlier, found, known = other.warning_names
        if [id(one.linkage.mentions) for one in earlier.values()] == [id(one) for one in mentions] and mentions:
            break
    else:
        found, known = _names_that_may_warn(mentions), frozenset().union(*mentions)
    generation.warning_names = members, found, known
    return found, known


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
