"""How a module uses what its top level and its classes make: while it is imported, and as a memory of results.

Read off the syntax tree when it is asked for, which is only where something has been filled that a statement has made.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from blockfreeze.versions.module_source import ModuleSource, tree_of
from blockfreeze.versions.outline import Outline, outline_of
from blockfreeze.versions.statements import DEFINITIONS, loaded, with_occasion

_LOOK_UP = frozenset({"get", "setdefault"})

_WHOLE = "= "
"""In front of an attribute that is read or set as a whole, and not what is inside of it."""

_COPY = frozenset({"dict", "list", "set"})

_STORE = frozenset({"setdefault", "update", "append", "add"})

_DEFERRED = (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.Await, ast.Yield, ast.Starred)


@dataclass(frozen=True, slots=True)
class Making:
    """A call that makes an object, ``name = made.by(of, these)``: what is called, and the names that are read."""

    called: tuple[str, ...]
    reads: frozenset[str]


class Uses:
    """What the statements of one module make by calls, what they use of it at once, and which functions remember.

    Each is read off the source when it is asked for, and only where the source has the name at all.
    """

    def __init__(self, outline: Outline, data: bytes) -> None:
        self._outline = outline
        self._data = data
        self._makings: dict[str, Making | None] = {}

    def making(self, name: str) -> Making | None:
        """Return the call that makes what `name` means; None if it is bound in another way, or in several.

        Args:
            name: a name, or that of an attribute with its class and a dot in front.
        """
        if name not in self._makings:  # each swap asks for the same, and a statement is parsed for it
            statement = self._outline.only_statement(name)
            self._makings[name] = None if statement is None else _making(statement)
        return self._makings[name]

    def is_used_at_import(self, name: str) -> bool:
        """Tell whether a name, or that of an attribute, is read while the module is imported."""
        return self._may_have(name) and name in self._at_import

    def memories(self, name: str) -> Collection[str]:
        """Return the definitions that look results up in what is called so, and put there what they compute.

        Args:
            name: a name, or that of an attribute with a dot in front.
        """
        return self._memories.get(name, ()) if self._may_have(name.removeprefix(".")) else ()

    def _may_have(self, name: str) -> bool:
        return not name.isascii() or name.encode() in self._data

    @cached_property
    def _at_import(self) -> frozenset[str]:
        return frozenset(_used_at_import(tree_of(self._data)))

    @cached_property
    def _memories(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for statement, _ in with_occasion(tree_of(self._data).body):
            if isinstance(statement, DEFINITIONS):
                for name in _remembering(statement):
                    found.setdefault(name, set()).add(statement.name)
        return found


def uses_of(source: ModuleSource) -> Uses | None:
    """Return how a module uses what it makes, found once for each text; None if it has no source."""
    outline = outline_of(source)
    if outline is None or source.data is None:
        return None
    if outline.uses is None:
        outline.uses = Uses(outline, source.data)
    assert isinstance(outline.uses, Uses)
    return outline.uses


def _making(statement: ast.stmt) -> Making | None:
    call = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(call, ast.Call):
        return None
    called = _dotted(call.func)
    if not called or any(isinstance(node, _DEFERRED) for node in ast.walk(call)):
        return None
    if any(isinstance(node, ast.Call) and node is not call for node in ast.walk(call)):
        return None
    return Making(called, loaded(ast.walk(call)))


def _dotted(node: ast.expr) -> tuple[str, ...]:
    """Return the parts of a dotted name; nothing if an expression is none."""
    if isinstance(node, ast.Name):
        return (node.id,)
    before = _dotted(node.value) if isinstance(node, ast.Attribute) else ()
    return (*before, node.attr) if before and isinstance(node, ast.Attribute) else ()


def _used_at_import(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are read while a module is imported, and those of the attributes."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += [*getattr(node, "decorator_list", ()), *node.args.defaults, *filter(None, node.args.kw_defaults)]
        else:
            todo += ast.iter_child_nodes(node)


def _remembering(definition: ast.stmt) -> Iterator[str]:
    """Yield what a function inside of a definition looks results up in, and puts there what it computes."""
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = list(ast.walk(node))
            given = {one.arg for one in inside if isinstance(one, ast.arg)}
            looked_up = {name for one in inside for name in _looked_up(one)}
            found = (name for one in inside for name in _computed(one, given) if name in looked_up)
            yield from (name.removeprefix(_WHOLE) for name in found)


def _key(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f".{node.attr}" if isinstance(node, ast.Attribute) else ""


def _looked_up(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield _key(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOK_UP:
        yield _key(node.func.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
        names = (one.value for one in node.args[1:2] if isinstance(one, ast.Constant))
        yield from (f"{_WHOLE}.{name}" for name in names if isinstance(name, str))
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield f"{_WHOLE}{_key(node)}"


def _computed(node: ast.AST, given: Iterable[str]) -> Iterator[str]:
    """Yield the containers into which a node puts more than what the function was given."""
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        if not _is_given(node.value, given):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Subscript):
                    yield _key(target.value)
                elif isinstance(target, ast.Attribute):
                    yield f"{_WHOLE}{_key(target)}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _STORE:
        if node.args and not _is_given(node.args[-1], given):
            yield _key(node.func.value)


def _is_given(value: ast.expr, given: Iterable[str]) -> bool:
    """Tell whether an expression is made of constants, copies of containers, and what the function was given."""
    nodes = list(ast.walk(value))
    if any(isinstance(node, _DEFERRED) for node in nodes):
        return False
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    copying = {id(one) for one in calls if isinstance(one, ast.Name) and one.id in _COPY}
    if any(id(one) not in copying and not (isinstance(one, ast.Attribute) and one.attr == "copy") for one in calls):
        return False
    return all(node.id in given or id(node) in copying for node in nodes if isinstance(node, ast.Name))
