"""How a function runs, as far as its statements tell: what calling it makes, and whether its end is reached."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from blockfreeze.advice.texts import Function, decorator_names, own_nodes

_TRANSPARENT = frozenset(
    {"property", "cached_property", "staticmethod", "classmethod", "abstractmethod", "override", "final", "lru_cache"}
    | {"cache", "wraps", "deprecated"}
)
"""Decorators that leave what a function returns."""


def kind_of(function: Function) -> str:
    """Return what calling a function makes: the result of a ``function``, or a coroutine, or a generator."""
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function))
    if isinstance(function, ast.AsyncFunctionDef):
        return "async generator" if yields else "coroutine"
    return "generator" if yields else "function"


def leaves_results(function: Function) -> bool:
    """Tell whether the decorators of a function leave what it returns."""
    return _TRANSPARENT.issuperset(decorator_names(function))


def first_argument(function: Function | None) -> str:
    """Return the name of a function's first argument; empty if it has none."""
    found = [] if function is None else [*function.args.posonlyargs, *function.args.args]
    return found[0].arg if found else ""


def reaches_end(body: Iterable[ast.stmt]) -> bool:
    """Tell whether the end of a body may be reached."""
    return not any(map(_leaves, body))


def _leaves(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Raise):
        return True
    if isinstance(statement, ast.If):
        return _every_branch_leaves(statement)
    if isinstance(statement, ast.With | ast.AsyncWith):
        return not reaches_end(statement.body)
    if isinstance(statement, ast.Try | ast.TryStar):
        ends = not reaches_end(statement.orelse or statement.body) or not reaches_end(statement.body)
        caught = any(reaches_end(one.body) for one in statement.handlers)
        return not reaches_end(statement.finalbody) or (ends and not caught)
    if isinstance(statement, ast.While):
        endless = isinstance(statement.test, ast.Constant) and bool(statement.test.value)
        return endless and not any(isinstance(node, ast.Break) for node in ast.walk(statement))
    if isinstance(statement, ast.Match):
        last = statement.cases[-1]
        is_whole = last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        return is_whole and not any(reaches_end(one.body) for one in statement.cases)
    return False


def _every_branch_leaves(statement: ast.If) -> bool:
    """Tell whether every branch leaves; an ``elif``, of which there may be hundreds, is inside of the one before."""
    while not reaches_end(statement.body):
        following = statement.orelse
        if len(following) != 1 or not isinstance(following[0], ast.If):
            return bool(following) and not reaches_end(following)
        statement = following[0]
    return False


def stores(function: Function) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names that a function stores, with what it stores; None if that is not one expression."""
    given = function.args
    for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if one is not None:
            yield one.arg, None
    known: set[int] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and node.value is not None:
                    known.add(id(target))
                    yield target.id, node.value
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from ((name, None) for name in node.names)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            known.add(id(node.target))  # it stays what it is
    for node in own_nodes(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in known:
            yield node.id, None
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, None
