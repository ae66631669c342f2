"""Which definitions differ between two releases: compared as syntax trees, without positions.

Only functions and methods that both releases have are compared; they are named ``member/file.py:Class.method``, as
`witness` names what ran.
"""

from __future__ import annotations

import ast
from pathlib import Path


def changed_definitions(module: str, old: Path, new: Path) -> set[str]:
    """Name the functions and methods whose text differs between the releases of a module in two folders."""
    before, after = _definitions(module, old), _definitions(module, new)
    return {place for place in before.keys() & after.keys() if before[place] != after[place]}


def _definitions(module: str, release: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    package = release / module
    for file in sorted(package.rglob("*.py")) if package.is_dir() else [release / f"{module}.py"]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        _collect(tree, f"{file.relative_to(release).as_posix()}:", found)
    return found


def _collect(node: ast.AST, prefix: str, found: dict[str, str]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{prefix}{child.name}"] = ast.dump(child)
        elif isinstance(child, ast.ClassDef):
            _collect(child, f"{prefix}{child.name}.", found)
        elif isinstance(child, ast.If | ast.Try):
            _collect(child, prefix, found)
