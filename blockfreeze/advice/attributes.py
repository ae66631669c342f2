"""Which attributes the methods of classes assign to instances, and what reads them, as far as their texts tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from blockfreeze.advice.flow import first_argument
from blockfreeze.advice.forms import FormsOf
from blockfreeze.advice.texts import Found, Function, decorator_names, dotted_name, own_nodes

_MAKES_FIELDS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "s"})


@dataclass
class Attributes:
    """What instances of a class have: `assigned` by methods, each with its function, and what the `class_has`.

    Where something else than one expression is assigned, there is None. `is_dynamic` if methods assign what they name
    when they run.
    """

    assigned: dict[str, list[tuple[ast.expr | None, Found]]] = field(default_factory=dict)
    class_has: set[str] = field(default_factory=set)
    is_dynamic: bool = False


class ClassesOf:
    """Tells of the attributes of classes of one version."""

    def __init__(self, forms: FormsOf) -> None:
        self.forms = forms
        self.version = forms.version
        self._known: dict[int, Attributes] = {}

    def of(self, cls: Found) -> Attributes:
        """Return the attributes that a class has by its own statement."""
        if id(cls) not in self._known:
            self._known[id(cls)] = _attributes(cls)
        return self._known[id(cls)]

    def whole(self, cls: Found) -> Attributes:
        """Return the attributes of a class and of its bases in the version."""
        found = Attributes()
        for one in (cls, *self.version.ancestors(cls)[0]):
            part = self.of(one)
            found.class_has |= part.class_has
            found.is_dynamic |= part.is_dynamic
            for name, values in part.assigned.items():
                found.assigned.setdefault(name, []).extend(values)
        return found

    def assigned_below(self, cls: Found) -> set[str]:
        """Return the attributes that sub-classes of a class assign: an instance is one of theirs."""
        return {name for one in self._below.get(id(cls), ()) for name in self.of(one).assigned}

    @cached_property
    def _below(self) -> dict[int, list[Found]]:
        found: dict[int, list[Found]] = {}
        for text in self.version.modules.values():
            for one in text.classes.values():
                for base in self.version.ancestors(one)[0]:
                    found.setdefault(id(base), []).append(one)
        return found

    @cached_property
    def owners(self) -> dict[str, set[str]]:
        """By attribute, the names of the classes that have it."""
        found: dict[str, set[str]] = {}
        for text in self.version.modules.values():
            for cls in text.classes.values():
                for name in self.of(cls).class_has | self.of(cls).assigned.keys():
                    found.setdefault(name, set()).add(cls.name)
        return found

    @cached_property
    def readers(self) -> dict[str, list[Found]]:
        """By attribute, the functions that read one that is called so."""
        found: dict[str, list[Found]] = {}
        for text in self.version.modules.values():
            for function in text.functions.values():
                nodes = (node for node in own_nodes(function.node) if isinstance(node, ast.Attribute))
                for name in {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}:
                    found.setdefault(name, []).append(function)
        return found


def methods_of(cls: Found) -> Iterator[Found]:
    """Yield the functions of a class's body whose first argument is an instance."""
    inside = f"{cls.path}."
    for path, function in cls.text.functions.items():
        if path.startswith(inside) and "." not in path[len(inside) :] and isinstance(function.node, Function):
            if {"staticmethod", "classmethod"}.isdisjoint(decorator_names(function.node)):
                yield function


def _attributes(cls: Found) -> Attributes:
    found = Attributes()
    inside = f"{cls.path}."
    for table in (cls.text.functions, cls.text.values, cls.text.classes):
        found.class_has |= {path[len(inside) :] for path in table if path.startswith(inside)}
    assert isinstance(cls.node, ast.ClassDef)
    # Of several definitions of one name, and of what stands in a branch, the tables have none.
    parts = (part for one in cls.node.body if not isinstance(one, Function) for part in (one, *own_nodes(one)))
    names = (part for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    found.class_has |= {one.id for one in names} | {one.name for one in cls.node.body if isinstance(one, Function)}
    _enter_fields(cls, cls.node, found)
    for function in methods_of(cls):
        assert isinstance(function.node, Function)
        first = first_argument(function.node)
        for name, value in _assigned(function.node, first):
            found.assigned.setdefault(name, []).append((value, function))
        found.is_dynamic |= any(_is_dynamic(node, first) for node in own_nodes(function.node))
    return found


def _enter_fields(cls: Found, node: ast.ClassDef, found: Attributes) -> None:
    """Enter what the body only names; of a dataclass, instances have it, and the class itself has no value for it."""
    is_made = not _MAKES_FIELDS.isdisjoint(decorator_names(node))
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            given = {word.arg for word in one.value.keywords} if isinstance(one.value, ast.Call) else set()
            if one.value is None or (isinstance(one.value, ast.Call) and "default" not in given):
                found.class_has.discard(one.target.id)
                if is_made and "ClassVar" not in ast.unparse(one.annotation):
                    found.assigned.setdefault(one.target.id, []).append((None, cls))


def _assigned(function: Function, first: str) -> Iterator[tuple[str, ast.expr | None]]:
    known: set[int] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute) and dotted_name(target.value) == first:
                    known.add(id(target))
                    yield target.attr, node.value
        elif isinstance(node, ast.AugAssign):
            known.add(id(node.target))
    for node in own_nodes(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and dotted_name(node.value) == first:
            if id(node) not in known:
                yield node.attr, None


def _is_dynamic(node: ast.AST, first: str) -> bool:
    if isinstance(node, ast.Call):
        return dotted_name(node.func) in ("setattr", "vars", "object.__setattr__") and bool(node.args)
    return isinstance(node, ast.Attribute) and node.attr == "__dict__" and dotted_name(node.value) == first
