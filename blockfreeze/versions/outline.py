"""The top level of a module as text: what its statements bind and read, and whether two versions of a class agree.

A class that registers itself elsewhere (by its metaclass, an ``__init_subclass__`` or a decorator) must not be made
again if only its methods have changed. So what counts of a class statement is its *skeleton*: the bases, keywords and
decorators, and the statements of its body without the methods that are decorated with nothing but what the language
has for methods. Two skeletons agree if their text is the same, and everything that they read is the same as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blockfreeze.versions.module_source import ModuleSource, absolute_name, told_about, tree_of
from blockfreeze.versions.statements import (
    DEFINITIONS,
    bindings,
    digest,
    executed,
    loaded,
    root_name,
    said,
    with_occasion,
)

Version = int | str
"""The version of a declared variable, or of a class for its converter."""

FIRST_VERSION: Version = 1
"""The version of a declaration that names none, and of what was not declared before."""

_METHOD_DECORATORS = frozenset(
    {"abstractmethod", "cached_property", "classmethod", "deleter", "getter", "override", "property", "setter"}
    | {"staticmethod"}
)


class Skeleton:
    """A part of a statement: its text, the names that it reads, and those of them that begin what it calls.

    A text is compared and never read, so it is a hash. Positions and comments do not count.
    """

    text: str
    reads: frozenset[str]
    calls: frozenset[str]

    def __init__(self, parts: Iterable[ast.AST], inside: Iterable[tuple[str, Skeleton]] = ()) -> None:
        found, inner = list(parts), list(inside)
        nodes = [node for part in found for node in ast.walk(part)]
        calls = frozenset(root_name(node.func) for node in nodes if isinstance(node, ast.Call))
        self.text = digest([*map(said, found), *(f"class {name}: {one.text}" for name, one in inner)])
        self.reads = loaded(nodes).union(*(one.reads for _, one in inner))
        self.calls = calls.union(*(one.calls for _, one in inner))


@dataclass(frozen=True)
class Registration:
    """The decorators that a function has above ``@entry``: what they say, and the names that they begin with."""

    above: Skeleton
    roots: tuple[str, ...]


class ClassOutline:
    """A class statement: its skeleton, its decorators' names, and the methods and names of its body.

    `plain` are the methods that are decorated with nothing but what the language has for methods. `headers` has, by
    method, what can be told of it before it is called.
    """

    def __init__(self, statement: ast.ClassDef) -> None:
        self.decorators = [root_name(one) for one in statement.decorator_list]
        self.skeleton: Skeleton
        self.methods: set[str] = set()
        self.plain: set[str] = set()
        self.headers: dict[str, str] = {}
        self.names = frozenset(_mangled(name, statement.name) for name in _bound_in(statement.body))
        nested: list[tuple[str, Skeleton]] = []
        parts: list[ast.AST] = [*statement.bases, *statement.keywords, *statement.decorator_list]
        for one in statement.body:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                name = _mangled(one.name, statement.name)
                self.methods.add(name)
                self.headers[name] = self.headers.get(name, "") + _header(one)
                if all(_is_for_methods(decorator) for decorator in one.decorator_list):
                    self.plain.add(name)
                else:
                    parts += [ast.Name(one.name, ast.Store()), *one.decorator_list, one.args]
            elif isinstance(one, ast.ClassDef):
                nested.append((one.name, ClassOutline(one).skeleton))
            elif not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
                parts.append(one)
        self.skeleton = Skeleton(parts, nested)


def _mangled(name: str, cls: str) -> str:
    """Return the name under which a class has what its body calls `name`."""
    private = name.startswith("__") and not name.endswith("__")
    return f"_{cls.lstrip('_')}{name}" if private and cls.strip("_") else name


def _bound_in(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in executed(statements):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        else:
            yield from (
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )


def _header(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    parts = [*function.decorator_list, function.args, *([function.returns] if function.returns else ())]
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))
    return digest([type(function).__name__, str(yields), str(ast.get_docstring(function)), *map(ast.dump, parts)])


def _is_for_methods(decorator: ast.expr) -> bool:
    last = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return last in _METHOD_DECORATORS


def _literal_version(call: ast.Call) -> Version | None:
    found = next((word.value for word in call.keywords if word.arg == "version"), ast.Constant(FIRST_VERSION))
    value = found.value if isinstance(found, ast.Constant) else None
    return value if isinstance(value, int | str) else None


class Outline:
    """The top level of a module, read off its syntax tree.

    By name, `texts` has the text of the statements that bind or change it when the module is imported, and `reads` what
    they read. `bindings` has the text of the statements that bind it, executed or not, also for attributes of classes.
    """

    def __init__(self, tree: ast.Module, package: str) -> None:
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassOutline] = {}
        self.registrations: dict[str, Registration] = {}
        self.variables: dict[str, Version | None] = {}  # made by `defvar`, and their versions, where these are literals
        self.assigned_later: dict[str, Skeleton] = {}  # what is assigned to attributes of a class after its statement
        self.converted: set[str] = set()  # the classes, as they are written, for which the module has converters
        self.reads: dict[str, frozenset[str]] = {}
        self.has_star = False
        self.uses: Any = None  # what `uses_of` has read off the same text
        self.rebound = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
        texts: dict[str, list[str]] = {}
        bound: dict[str, list[str]] = {}
        for statement, at_import in with_occasion(tree.body):
            names = self._enter(statement, package) if at_import else set()
            inside = list(bindings(statement))
            text = said(statement) if names or inside else ""
            for name, inner in inside:
                bound.setdefault(name, []).append(text if inner is statement else said(inner))
            for name in names:
                texts.setdefault(name, []).append(text)
                self.reads[name] = self.reads.get(name, frozenset()) | loaded(ast.walk(statement))
        self.texts = {name: digest(found) for name, found in texts.items()}
        self.bindings = {name: digest(found) for name, found in bound.items()}

    def _enter(self, statement: ast.stmt, package: str) -> set[str]:
        """Enter what a statement says; return the names that it binds or changes, but for those that it imports."""
        names: set[str] = set()
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._enter_import(statement, package)
        elif isinstance(statement, DEFINITIONS):
            names = {statement.name}
            if isinstance(statement, ast.ClassDef):
                self.classes[statement.name] = ClassOutline(statement)
            else:
                self._enter_decorators(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
            names = self._enter_assignment(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            names = {root_name(statement.value)}  # it may change what it is called on
        elif isinstance(statement, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith):
            names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        return names - {""}

    def _enter_import(self, statement: ast.Import | ast.ImportFrom, package: str) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self.imports[name] = alias.name if alias.asname else name
            return
        module = absolute_name(statement.module or "", statement.level, package)
        if module is None:
            return
        for alias in statement.names:
            self.has_star |= alias.name == "*"
            self.imports[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _enter_assignment(self, statement: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete) -> set[str]:
        targets = statement.targets if isinstance(statement, ast.Assign | ast.Delete) else [statement.target]
        names = {root_name(one) for target in targets for one in getattr(target, "elts", (target,))}
        for name in names & self.classes.keys():
            earlier = [("", self.assigned_later[name])] if name in self.assigned_later else ()
            self.assigned_later[name] = Skeleton([statement], earlier)
        made = getattr(statement, "value", None)
        if isinstance(made, ast.Call) and self._qualified(made.func) == "blockfreeze.defvar":
            self.variables |= dict.fromkeys(names, _literal_version(made))
        return names

    def _qualified(self, node: ast.expr) -> str:
        root = root_name(node)
        return ast.unparse(node).replace(root, self.imports.get(root, root), 1) if root else ""

    def _enter_decorators(self, statement: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.converted.update(
            ast.unparse(one.args[0])
            for one in statement.decorator_list
            if isinstance(one, ast.Call) and one.args and self._qualified(one.func) == "blockfreeze.converts"
        )
        above = _above_entry(statement, self._qualified)
        if above:
            self.registrations[statement.name] = Registration(Skeleton(above), tuple(map(root_name, above)))

    def skeleton_of(self, name: str) -> Skeleton | None:
        """Return what counts of a name's statement when the thing itself is not called: of a class, its skeleton."""
        return self.classes[name].skeleton if name in self.classes else None

    def assigned_later_to(self, name: str) -> Skeleton | None:
        """Return what the module assigns to a class after its statement; an empty text if nothing."""
        return self.assigned_later.get(name, Skeleton(()))

    def registration_of(self, name: str) -> Skeleton | None:
        """Return the decorators that a function has above ``@entry``; None if it has none."""
        return self.registrations[name].above if name in self.registrations else None


def _above_entry(
    statement: ast.FunctionDef | ast.AsyncFunctionDef, qualified: Callable[[ast.expr], str]
) -> list[ast.expr]:
    names = [qualified(one) for one in statement.decorator_list]
    return statement.decorator_list[: names.index("blockfreeze.entry")] if "blockfreeze.entry" in names else []


def outline_of(source: ModuleSource) -> Outline | None:
    """Return the outline of a module, which lives as long as its source; None if it has none that reads as Python.

    Raises:
        SyntaxError, ValueError: the source is not Python.
    """
    if source.data is None:
        return None
    if source.outline is None:
        # A loader that makes the code may do so of what is not Python yet.
        with suppress(*([SyntaxError, ValueError] if source.is_made else [])), told_about(source.name, source.path):
            source.outline = Outline(tree_of(source.data), source.package)
    assert source.outline is None or isinstance(source.outline, Outline)
    return source.outline
