"""Markers: objects that stand for "not given", and are told by their identity. Another one is not recognised."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from blockfreeze.advice.texts import Found, Function, Text, dotted_name, own_nodes
from blockfreeze.core.advice import NOTE, Advice

_WHO: Final = "instances made before that hold it, and give it to the new version"
_ACCEPT: Final = "let its statement stay as it is, or accept the old marker as well for one release"


def marker_advice(old: Text, new: Text) -> Iterator[Advice]:
    """Yield the markers of a module that another object, or none, takes the place of, and that were defaults."""
    for name, found in old.values.items():
        after = new.values.get(name)
        is_elsewhere = name in new.outline.imports or name in new.classes or name in new.functions
        if not _is_marker(found.node) or is_elsewhere or (after is not None and after.said == found.said):
            continue
        users = [one for one in old.functions.values() if one.is_public and name in _kept_defaults(one)]
        if users:
            what = f"the marker {name}, a default of {users[0].path}, is {'gone' if after is None else 'another'} now"
            following = after or new.functions.get(users[0].path) or new.classes.get(users[0].cls)
            place = f"{new.file}:1" if following is None else following.place
            yield Advice("constant", NOTE, found.name, found.place, place, what, _WHO, _ACCEPT)


def _is_marker(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted_name(node.func) == "object" and not node.args


def _kept_defaults(function: Found) -> set[str]:
    """Return the names that are defaults of parameters which the function puts into an instance."""
    assert isinstance(function.node, Function)
    given = function.node.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [*zip(reversed(positional), reversed(given.defaults), strict=False)]
    pairs += [(one, value) for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is not None]
    put = set[str]()
    for node in own_nodes(function.node):
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Attribute) for one in node.targets):
            put |= _handed_on(node.value)
    return {value.id for one, value in pairs if isinstance(value, ast.Name) and one.arg in put}


def _handed_on(value: ast.expr) -> set[str]:
    """Return the names that an expression has, but for those that it only compares."""
    compared = {id(one) for node in ast.walk(value) if isinstance(node, ast.Compare) for one in ast.walk(node)}
    return {one.id for one in ast.walk(value) if isinstance(one, ast.Name) and id(one) not in compared}
