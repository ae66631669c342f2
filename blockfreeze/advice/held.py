"""What code puts into containers and takes out of them, by the names of the containers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from blockfreeze.advice.forms import ANY, UNKNOWN, Forms, FormsOf
from blockfreeze.advice.results import words
from blockfreeze.advice.texts import dotted_name, own_nodes

_LAST: Final = frozenset({"append", "add", "appendleft", "put", "put_nowait", "setdefault", "insert"})
"""Methods whose last argument is put into the container."""

_VIEWS: Final = frozenset({"values", "copy"})


def held_values(function: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the containers, by their names with dots, into which a function puts something, and what it puts there."""
    for node in own_nodes(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                    yield from _named(target.value, node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args and not node.keywords:
            if node.func.attr in _LAST:
                yield from _named(node.func.value, node.args[-1])


def unpacked(function: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the containers whose elements a function unpacks, and into how many names."""
    for node in own_nodes(function):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield from _unpacked(node.target, node.iter)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            if not isinstance(node.value.slice, ast.Slice):
                yield from _count(node.targets[0], node.value.value)


def _unpacked(target: ast.expr, container: ast.expr) -> Iterator[tuple[str, int]]:
    if isinstance(container, ast.Call) and isinstance(container.func, ast.Attribute) and not container.args:
        if container.func.attr in _VIEWS:
            yield from _count(target, container.func.value)
        elif container.func.attr == "items" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            yield from _count(target.elts[1], container.func.value)
    elif isinstance(container, ast.Call) and dotted_name(container.func) in ("list", "sorted", "reversed", "tuple"):
        if len(container.args) == 1:
            yield from _unpacked(target, container.args[0])
    else:
        yield from _count(target, container)


def _count(target: ast.expr, container: ast.expr) -> Iterator[tuple[str, int]]:
    if isinstance(target, ast.Tuple | ast.List) and not any(isinstance(one, ast.Starred) for one in target.elts):
        name = dotted_name(container)
        if name:
            yield name, len(target.elts)


def _named(container: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    name = dotted_name(container)
    if name:
        yield name, value


Contents = tuple[dict[str, Forms], dict[str, set[int]]]
"""By container, the forms of what is put in, and by how many names what is taken out is unpacked."""


def differing(old: Contents, new: Contents, was: FormsOf, now: FormsOf) -> Iterator[tuple[str, str]]:
    """Yield the containers that hold other things in two versions, and how they differ."""
    for name in sorted({*old[0], *old[1]} & {*new[0], *new[1]}):
        first, second = old[0].get(name, ANY), new[0].get(name, ANY)
        counts = old[1].get(name, set()), new[1].get(name, set())
        if UNKNOWN not in first | second and not any(
            now.fits(one, other) or was.fits(other, one) for one in first for other in second
        ):
            yield name, f"held {words(first)}, and is given {words(second)} now"
        elif all(counts) and counts[0].isdisjoint(counts[1]):
            yield name, f"was unpacked into {_several(counts[0])} names, and is into {_several(counts[1])} now"


def _several(counts: set[int]) -> str:
    return " or ".join(map(str, sorted(counts)))
