"""The definitions of a version, by name: its functions, classes and constants, and what a name in a module means."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from blockfreeze.core.advice import Advice
from blockfreeze.versions.module_source import ModuleSource, absolute_name, tree_of
from blockfreeze.versions.outline import Outline, outline_of
from blockfreeze.versions.statements import said, with_occasion

Function = ast.FunctionDef | ast.AsyncFunctionDef

_OTHER_HALVES = frozenset({"setter", "deleter", "overload", "register"})
"""Decorators of functions that stand beside another one of the same name."""

_DEPTH = 8
"""Through how many imports a name is followed."""


@dataclass(frozen=True, eq=False)
class Found:
    """A definition of a version: where it is, and its statement. `path` is its qualified name in the module."""

    text: Text
    path: str
    node: Function | ast.ClassDef | ast.expr

    @property
    def name(self) -> str:
        """Its name, qualified by its module."""
        return f"{self.text.name}.{self.path}"

    @property
    def place(self) -> str:
        """Its file and line."""
        return self.text.place(self.node)

    @property
    def cls(self) -> str:
        """The class that it is defined in; empty at the top level."""
        return self.path.rpartition(".")[0]

    @cached_property
    def is_public(self) -> bool:
        """Whether code outside may call it: no part of its name says otherwise."""
        *inside, last = self.path.split(".")
        return not any(map(_is_private, (*self.text.name.split("."), *inside, last)))

    @cached_property
    def said(self) -> str:
        """What the statement says, but for comments and positions."""
        return said(self.node)


@dataclass(eq=False)
class Text:
    """One module: its tree, and its definitions by their qualified names, but for those that there are several of."""

    name: str
    file: str
    tree: ast.Module
    outline: Outline
    functions: dict[str, Found] = field(default_factory=dict)
    classes: dict[str, Found] = field(default_factory=dict)
    values: dict[str, Found] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def place(self, node: ast.AST) -> str:
        """Return the file and line of a node."""
        return f"{self.file}:{getattr(node, 'lineno', 0)}"

    def enter(self, body: Iterable[ast.stmt], inside: str = "") -> None:
        """Enter the definitions of a module or a class."""
        several: dict[str, list[Found]] = {}
        for statement, at_import in with_occasion(body):
            if at_import:
                for name, node in _defined(statement):
                    several.setdefault(name, []).append(Found(self, f"{inside}{name}", node))
        for name, found in several.items():
            if len(found) > 1:
                continue
            one = found[0]
            if isinstance(one.node, ast.ClassDef):
                self.classes[f"{inside}{name}"] = one
                self.enter(one.node.body, f"{inside}{name}.")
            else:
                table = self.functions if isinstance(one.node, Function) else self.values
                table[f"{inside}{name}"] = one


class Version:
    """The modules of a version that have source, by their names."""

    def __init__(self, modules: Mapping[str, ModuleSource]) -> None:
        """Read the modules; those that cannot be parsed are left out, and whoever builds the version is told."""
        self.modules: dict[str, Text] = {}
        for name, source in sorted(modules.items()):
            text = _read(name, source)
            if text is not None and not _is_of_tests(name):
                self.modules[name] = text

    def find(self, module: str, name: str, depth: int = _DEPTH) -> Found | None:
        """Return the function or class of the version that a name (it may have dots) means in a module, if it does."""
        text = self.modules.get(module)
        if text is None or depth == 0:
            return None
        root, _, rest = name.partition(".")
        target = text.outline.imports.get(root)
        found = text.functions.get(name) or text.classes.get(name)
        if found is not None:
            return found if target is None else None  # one of them stands in for the other
        if target is not None:
            return self.find_dotted(f"{target}.{rest}" if rest else target, depth - 1)
        by_star = (self.find(module, name, depth - 1) for module in text.stars)
        return next((one for one in by_star if one is not None), None)

    def find_dotted(self, dotted: str, depth: int = _DEPTH) -> Found | None:
        """Return the function or class that a qualified name means."""
        parts = dotted.split(".")
        for at in range(len(parts) - 1, 0, -1):
            if ".".join(parts[:at]) in self.modules:
                return self.find(".".join(parts[:at]), ".".join(parts[at:]), depth)
        return None

    def dotted(self, text: Text, node: ast.expr) -> str:
        """Return the qualified name that an expression has outside of the version, or in it; empty if it has none."""
        name = dotted_name(node)
        root = name.partition(".")[0]
        if not name or (root in text.outline.imports and text.outline.binds(root)):
            return ""
        found = self.find(text.name, name)
        if found is not None:
            return found.name
        _, dot, rest = name.partition(".")
        return f"{text.outline.imports.get(root, root)}{dot}{rest}"

    def bases(self, cls: Found) -> Iterator[Found | str]:
        """Yield the bases of a class: classes of the version, or the names of others."""
        assert isinstance(cls.node, ast.ClassDef)
        for base in cls.node.bases:
            node = base.value if isinstance(base, ast.Subscript) else base
            found = self.find(cls.text.name, dotted_name(node)) if dotted_name(node) else None
            is_class = found is not None and isinstance(found.node, ast.ClassDef)
            yield found if found is not None and is_class else self.dotted(cls.text, node)

    def ancestors(self, cls: Found) -> tuple[list[Found], set[str]]:
        """Return all bases of a class and theirs: those of the version, and the names of the others."""
        inside: list[Found] = []
        others: set[str] = set()
        todo = [cls]
        while todo:
            for base in self.bases(todo.pop()):
                if isinstance(base, str):
                    others.add(base)
                elif base not in inside and base is not cls:
                    inside.append(base)
                    todo.append(base)
        return inside, others


def said_of(
    before: Found, after: Found, kind: str, level: str, what: str, who: str, remedy: str, place: str = ""
) -> Advice:
    """Return advice about a definition; `place` is where in the new version, if not where it begins."""
    return Advice(kind, level, after.name, before.place, place or after.place, what, who, remedy)


def dotted_name(node: ast.expr) -> str:
    """Return the text of a name with dots; empty if an expression is anything else."""
    if isinstance(node, ast.Name):
        return node.id
    base = dotted_name(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{base}.{node.attr}" if base and isinstance(node, ast.Attribute) else ""


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Walk what belongs to a function itself, not to those inside of it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def decorator_names(node: Function | ast.ClassDef) -> list[str]:
    """Return the last parts of the names of decorators."""
    called = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return [dotted_name(one).rpartition(".")[2] for one in called]


def _read(name: str, source: ModuleSource) -> Text | None:
    try:
        outline = outline_of(source)
        if outline is None or source.data is None:
            return None
        tree = tree_of(source.data)
    except (SyntaxError, ValueError):
        return None
    text = Text(name, _shown(source.path or f"<{name}>"), tree, outline)
    text.enter(tree.body)
    for node, _ in with_occasion(tree.body) if outline.has_star else ():
        if isinstance(node, ast.ImportFrom) and any(one.name == "*" for one in node.names):
            module = absolute_name(node.module or "", node.level, source.package)
            text.stars += [module] if module is not None else []
    return text


def _shown(path: str) -> str:
    inside = Path(path).is_relative_to(Path.cwd())
    return str(Path(path).relative_to(Path.cwd())) if inside else path


def _defined(statement: ast.stmt) -> Iterator[tuple[str, Function | ast.ClassDef | ast.expr]]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        if _OTHER_HALVES.isdisjoint(decorator_names(statement)):
            yield statement.name, statement
    elif isinstance(statement, ast.ClassDef):
        yield statement.name, statement
    elif isinstance(statement, ast.Assign):
        yield from ((one.id, statement.value) for one in statement.targets if isinstance(one, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        if statement.value is not None:
            yield statement.target.id, statement.value


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _is_of_tests(module: str) -> bool:
    return any(one in ("tests", "test", "testing", "__main__") or one[:5] == "test_" for one in module.split("."))
