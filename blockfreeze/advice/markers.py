"""Markers: objects that stand for "not given", and are told by their identity. Another one is not recognised."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from blockfreeze.advice.texts import Found, Function, Text, dotted_name
from blockfreeze.core.advice import NOTE, Advice

_WHO: Final = "instances and partial objects that hold it from before, and give it to functions of the new version"
_ACCEPT: Final = "let its statement stay as it is, or accept the old marker as well for one release"


def marker_advice(old: Text, new: Text) -> Iterator[Advice]:
    """Yield the markers of a module that another object, or none, takes the place of, and that were defaults."""
    for name, found in old.values.items():
        after = new.values.get(name)
        is_elsewhere = name in new.outline.imports or name in new.classes or name in new.functions
        if not _is_marker(found.node) or is_elsewhere or (after is not None and after.said == found.said):
            continue
        users = [one for one in old.functions.values() if one.is_public and name in _defaults(one)]
        if users:
            what = f"the marker {name}, a default of {users[0].path}, is {'gone' if after is None else 'another'} now"
            following = after or new.functions.get(users[0].path) or new.classes.get(users[0].cls)
            place = f"{new.file}:1" if following is None else following.place
            yield Advice("constant", NOTE, found.name, found.place, place, what, _WHO, _ACCEPT)


def _is_marker(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted_name(node.func) == "object" and not node.args


def _defaults(function: Found) -> set[str]:
    assert isinstance(function.node, Function)
    given = function.node.args
    return {one.id for one in (*given.defaults, *given.kw_defaults) if isinstance(one, ast.Name)}
