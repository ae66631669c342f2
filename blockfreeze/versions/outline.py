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
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from blockfreeze.versions.module_source import ModuleSource, absolute_name, told_about, tree_of
from blockfreeze.versions.places import Place, Places, say_the_same
from blockfreeze.versions.skeletons import Skeleton, is_for_methods, skeleton_of_class
from blockfreeze.versions.statements import (
    DEFINITIONS,
    bindings,
    digest,
    executed,
    loaded,
    root_name,
    with_occasion,
)

Version = int | str
"""The version of a declared variable, or of a class for its converter."""

FIRST_VERSION: Version = 1
"""The version of a declaration that names none, and of what was not declared before."""


@dataclass(frozen=True)
class Registration:
    """The decorators that a function has above ``@entry``: what they say, and the names that they begin with."""

    above: Skeleton
    roots: tuple[str, ...]


class ClassOutline:
    """A class statement: its skeleton, its decorators' names, and the methods and names of its body.

    `plain` are the methods that are decorated with nothing but what the language has for methods. What few ask for is
    read off the text of the statement when it is asked for.
    """

    def __init__(self, statement: ast.ClassDef, place: Place) -> None:
        self.decorators = [root_name(one) for one in statement.decorator_list]
        self.methods: set[str] = set()
        self.plain: set[str] = set()
        self.names = frozenset(_mangled(name, statement.name) for name in _bound_in(statement.body))
        self._place = place
        for one in statement.body:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                name = _mangled(one.name, statement.name)
                self.methods.add(name)
                if all(map(is_for_methods, one.decorator_list)):
                    self.plain.add(name)

    @cached_property
    def skeleton(self) -> Skeleton:
        """What counts of the statement when the class itself is not called."""
        statement = self._place.statement()
        assert isinstance(statement, ast.ClassDef)
        return skeleton_of_class(statement)

    @cached_property
    def headers(self) -> dict[str, str]:
        """By method, what can be told of it before it is called."""
        statement = self._place.statement()
        assert isinstance(statement, ast.ClassDef)
        found: dict[str, str] = {}
        for one in statement.body:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                name = _mangled(one.name, statement.name)
                found[name] = found.get(name, "") + _header(one)
        return found


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


def _literal_version(call: ast.Call) -> Version | None:
    found = next((word.value for word in call.keywords if word.arg == "version"), ast.Constant(FIRST_VERSION))
    value = found.value if isinstance(found, ast.Constant) else None
    return value if isinstance(value, int | str) else None


class Outline:
    """The top level of a module, read off its syntax tree.

    What its statements say, and what they read, is told when it is asked for: most of it is asked of few names, and
    only where two texts differ.
    """

    def __init__(self, data: bytes, package: str) -> None:
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassOutline] = {}
        self.registrations: dict[str, Registration] = {}
        self.variables: dict[str, Version | None] = {}  # made by `defvar`, and their versions, where these are literals
        self.assigned_later: dict[str, Skeleton] = {}  # what is assigned to attributes of a class after its statement
        self.converted: set[str] = set()  # the classes, as they are written, for which the module has converters
        self.has_star = False
        self.uses: Any = None  # what `uses_of` has read off the same text
        # By the outlines that this one was compared with: what was asked of a name, and the answer.
        self._alike: WeakKeyDictionary[Outline, dict[tuple[str, str], bool]] = WeakKeyDictionary()
        self._data = data
        self._places = Places(data)
        # By name, where the statements begin and end that bind or change it when the module is imported, and those
        # that bind it, executed or not, also for attributes of classes.
        self._changes: dict[str, list[int]] = {}
        self._bindings: dict[str, list[int]] = {}
        for statement, at_import in with_occasion(tree_of(data).body):
            for name in self._enter(statement, package) if at_import else ():
                self._changes.setdefault(name, []).extend(self._places.of(statement))
            for name, inner in bindings(statement):
                self._bindings.setdefault(name, []).extend(self._places.of(inner))

    @cached_property
    def rebound(self) -> frozenset[str]:
        """The names that functions rebind with ``global``."""
        nodes = ast.walk(tree_of(self._data)) if b"global" in self._data else ()
        return frozenset(name for node in nodes if isinstance(node, ast.Global) for name in node.names)

    def binds(self, name: str) -> bool:
        """Tell whether a statement binds `name`, executed or not; an attribute has its class and a dot in front."""
        return name in self._bindings

    def only_statement(self, name: str) -> ast.stmt | None:
        """Return the statement that binds `name`, executed or not, parsed once more; None if it is not the only one."""
        found = self._bound(name)
        return found[0].statement() if len(found) == 1 else None

    def binds_alike(self, other: Outline, name: str) -> bool:
        """Tell whether both have statements that bind `name`, and these say the same."""
        if name not in self._bindings or name not in other._bindings:
            return False
        return self is other or self._say_the_same(other, name, Outline._bound)

    def changes_alike(self, other: Outline, name: str) -> bool:
        """Tell whether the statements that bind or change `name` in both say the same; so they do if there are none."""
        return self is other or self._say_the_same(other, name, Outline._changing)

    def _say_the_same(self, other: Outline, name: str, statements: Callable[[Outline, str], list[Place]]) -> bool:
        """Compare the statements of a name; a swap asks several times, and versions that come back ask again."""
        known = self._alike.setdefault(other, {})
        asked = name, statements.__name__
        if asked not in known:
            known[asked] = say_the_same(statements(self, name), statements(other, name))
        return known[asked]

    def reads_of(self, name: str) -> frozenset[str] | None:
        """Return what the statements read that bind or change `name`; None if there are none."""
        if name not in self._changes:
            return None
        return frozenset().union(*(loaded(ast.walk(one.statement())) for one in self._changing(name)))

    def _bound(self, name: str) -> list[Place]:
        return self._places.several(self._bindings.get(name, []))

    def _changing(self, name: str) -> list[Place]:
        return self._places.several(self._changes.get(name, []))

    def _enter(self, statement: ast.stmt, package: str) -> set[str]:
        """Enter what a statement says; return the names that it binds or changes, but for those that it imports."""
        names: set[str] = set()
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._enter_import(statement, package)
        elif isinstance(statement, DEFINITIONS):
            names = {statement.name}
            if isinstance(statement, ast.ClassDef):
                self.classes[statement.name] = ClassOutline(
                    statement, *self._places.several([*self._places.of(statement)])
                )
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
    if source.derived.outline is None:
        # A loader that makes the code may do so of what is not Python yet.
        with suppress(*([SyntaxError, ValueError] if source.is_made else [])), told_about(source.name, source.path):
            source.derived.outline = Outline(source.data, source.package)
    assert source.derived.outline is None or isinstance(source.derived.outline, Outline)
    return source.derived.outline


def declaring_outline_of(source: ModuleSource) -> Outline | None:
    """Return the outline of a module that may declare something to blockfreeze; None of one that does not, unread."""
    return outline_of(source) if source.may_use_us else None
