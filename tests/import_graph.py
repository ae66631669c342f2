"""What files import, read off their source with `ast`, and whether they do so in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the dotted names that the import statements among the nodes may reach."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def on_circles(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the nodes from which a way leads back to them."""

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        ahead = [start]
        while ahead:
            for name in graph[ahead.pop()] - found:
                found.add(name)
                ahead.append(name)
        return found

    return [name for name in graph if name in reachable(name)]
