"""The source of a module in which functions are not registered once more by the decorators above ``@entry``."""

from __future__ import annotations

import ast
from types import CodeType

from blockfreeze.linking.hook_table import AS_IT_IS
from blockfreeze.versions.module_source import ModuleSource, tree_of
from blockfreeze.versions.outline import outline_of
from blockfreeze.versions.source_text import bytes_of, lines_of
from blockfreeze.versions.statements import executed

_PLACEHOLDER = "_blockfreeze_as_it_is_"
"""What a source has in the place of `AS_IT_IS`, which is no identifier."""


def compile_without(source: ModuleSource, functions: frozenset[str]) -> CodeType:
    """Compile a module in which `AS_IT_IS` stands for the decorators that register `functions`.

    The decorators above ``@entry`` are not even evaluated: a framework may refuse to be asked. Lines stay as they are.
    """
    assert source.data is not None
    outline = outline_of(source)
    assert outline is not None
    lines = [line.encode() for line in lines_of(source.data)]
    for statement in executed(tree_of(source.data).body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name in functions:
            for decorator in statement.decorator_list[: len(outline.registrations[statement.name].roots)]:
                _replace(lines, decorator, _PLACEHOLDER)
    code = source.compile(bytes_of(b"".join(lines).decode()))
    return code.replace(co_names=tuple(AS_IT_IS if name == _PLACEHOLDER else name for name in code.co_names))


def _replace(lines: list[bytes], old: ast.expr, new: str) -> None:
    """Let an expression be a name in the lines of a source, of which there are as many afterwards."""
    assert old.end_lineno is not None
    first, last = old.lineno - 1, old.end_lineno - 1
    before, after = lines[first][: old.col_offset], lines[last][old.end_col_offset :]
    text = before + b"(" + new.encode() + b"\n" * (last - first) + b")" + after
    lines[first : last + 1] = text.splitlines(keepends=True)
