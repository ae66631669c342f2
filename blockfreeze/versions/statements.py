"""The statements of a module's top level: which of them an import executes, and what each binds and says."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from blockfreeze.versions.source_text import sha256

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""The statements whose bodies an import does not execute as part of the top level."""


def root_name(node: ast.expr) -> str:
    """Return the name that an expression begins with, or the empty string."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def executed(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that an import executes, or may; not those of functions and classes."""
    return (statement for statement, at_import in with_occasion(statements) if at_import)


def with_occasion(statements: Iterable[ast.stmt], at_import: bool = True) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements outside of functions and classes, and for each whether an import may execute it."""
    for statement in statements:
        yield statement, at_import
        if isinstance(statement, DEFINITIONS):
            continue
        never = isinstance(statement, ast.If) and _never_at_import(statement.test)
        yield from with_occasion(getattr(statement, "body", ()), at_import and not never)
        for field in ("orelse", "finalbody"):
            yield from with_occasion(getattr(statement, field, ()), at_import)
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from with_occasion(part.body, at_import)


def _never_at_import(test: ast.expr) -> bool:
    text = ast.unparse(test)
    return text.rpartition(".")[2] == "TYPE_CHECKING" or text in ("__name__ == '__main__'", "'__main__' == __name__")


def loaded(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names that nodes read."""
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def bindings(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the names that a statement binds, each with the statement that does: it, or one of a class's body.

    The name of an attribute that the body of a class binds has that of the class in front, and a dot.
    """
    if isinstance(statement, DEFINITIONS):
        yield statement.name, statement
        if isinstance(statement, ast.ClassDef):
            for one, _ in with_occasion(statement.body):
                yield from ((f"{statement.name}.{name}", inner) for name, inner in bindings(one))
    elif isinstance(statement, ast.Assign):
        yield from ((name, statement) for target in statement.targets for name in _assigned(target))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, statement


def _assigned(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _assigned(one)


def said(tree: ast.AST) -> str:
    """Return what a part of a syntax tree says, without positions and comments: trees that say the same have one text.

    In front of what belongs together stands how much it is. Unlike `ast.dump` this does not recurse: a long sum of
    texts is a deep tree.
    """
    parts: list[str] = []
    todo: list[object] = [tree]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.AST):
            parts.append(f"{type(part).__name__} {len(part._fields)}")
            todo += [getattr(part, name, None) for name in part._fields]
        elif isinstance(part, list):
            parts.append(f"list {len(part)}")
            todo += part
        else:
            parts.append(hex(part) if type(part) is int else repr(part))  # a decimal number may be too long to be shown
    return "\n".join(parts)


def say_alike(one: ast.AST, other: ast.AST) -> bool:
    """Tell whether two parts of syntax trees say the same, as `said` tells it; what differs mostly does so early."""
    todo: list[tuple[object, object]] = [(one, other)]
    while todo:
        mine, others = todo.pop()
        if type(mine) is not type(others):
            return False
        if isinstance(mine, ast.AST):
            todo += [(getattr(mine, name, None), getattr(others, name, None)) for name in mine._fields]
        elif isinstance(mine, list) and isinstance(others, list):
            if len(mine) != len(others):
                return False
            todo += zip(mine, others, strict=True)
        elif mine != others if isinstance(mine, str | bytes | int) else repr(mine) != repr(others):
            return False  # of numbers the text counts: 0.0 and -0.0 are equal
    return True


def digest(texts: Iterable[str]) -> str:
    """Return a hash of texts that are compared and never read."""
    return str(sha256("".join(texts).encode()).hexdigest())
