"""What can be said of a module before it is frozen, from its compiled code and its source; nothing is executed.

What is bound comes from the same `analyse` that the linker uses, so it is exact. What each generation makes for itself
(`made_again`), and what it does outside of the block (`runs_again`), is judged by the form of the statements of the top
level. Statements whose effect stays inside the module are left out, and calls that are known to have none outside.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from blockfreeze.core.forecast import MadeAgain, RunsAgain
from blockfreeze.core.status import Unbound
from blockfreeze.linking.analysis import CALLER_NAMES, analyse, walk_codes
from blockfreeze.linking.linkage import Linkage
from blockfreeze.versions.module_source import ModuleSource, tree_of
from blockfreeze.versions.outline import outline_of
from blockfreeze.versions.statements import executed, root_name

_DISPLAYS: Final[Mapping[type, str]] = MappingProxyType(
    {ast.Dict: "dict", ast.DictComp: "dict", ast.List: "list", ast.ListComp: "list", ast.Set: "set", ast.SetComp: "set"}
)

_CONTAINERS: Final = frozenset(
    {
        *(f"builtins.{name}" for name in ("bytearray", "dict", "list", "set")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        *(f"weakref.{name}" for name in ("WeakKeyDictionary", "WeakSet", "WeakValueDictionary")),
    }
)

_CHANGES: Final = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove"),
        *("setdefault", "sort", "update"),
    }
)
"""Methods by which a container is changed."""

_IMMUTABLE_MADE_BY: Final = frozenset(
    {
        *(
            f"builtins.{name}"
            for name in ("bool", "bytes", "complex", "float", "frozenset", "int", "len", "max", "min")
        ),
        *(f"builtins.{name}" for name in ("object", "range", "round", "sorted", "str", "sum", "tuple", "type")),
        *("builtins.getattr", "builtins.hasattr", "builtins.isinstance", "builtins.issubclass", "builtins.slice"),
        *("collections.namedtuple", "datetime.timedelta", "decimal.Decimal", "logging.getLogger", "pathlib.Path"),
        *("re.compile", "struct.Struct", "types.MappingProxyType"),
        *("typing.NamedTuple", "typing.NewType", "typing.ParamSpec", "typing.TypeVar", "typing.TypeVarTuple"),
        *("operator.attrgetter", "operator.itemgetter", "operator.methodcaller"),
    }
)
"""Calls whose result holds nothing that could be lost: it cannot be changed, or it is the same object every time."""

_CACHES: Final = frozenset({"functools.cache", "functools.lru_cache"})

_DECORATES_ONLY: Final = frozenset(
    {"abc", "asyncio", "builtins", "contextlib", "dataclasses", "enum", "functools", "types", "typing", "warnings"}
    | {"attr", "attrs", "blockfreeze", "click", "deprecated", "django.views.decorators", "typing_extensions", "wrapt"}
)
"""Packages whose decorators return something for the definition and tell nobody else of it."""

_SILENT: Final = frozenset({"builtins.print", "builtins.super", "os.register_at_fork"})


class Survey:
    """What one member of a block would be: `linkage` from its code, and lists read off its source."""

    def __init__(
        self,
        source: ModuleSource,
        covers: Callable[[str], bool],
        linkage: Linkage | None = None,
    ) -> None:
        """Survey the module of `source`, which belongs to the block whose modules `covers` knows.

        Args:
            linkage: what linking has found, if it has been linked. Then `asks_for_callers` stays empty, and what is
                done again is told by `done_again`, which knows what was made known to others before.

        Raises:
            SyntaxError, ValueError, ImportError: the module cannot be compiled.
        """
        self.name = source.name
        self.file = _shown(source.path) if source.path is not None else f"<{source.name}>"
        self._covers = covers
        self._is_linked = linkage is not None
        self.asks_for_callers: list[str] = []
        self.linkage: Linkage = self._analyse(source) if linkage is None else linkage
        self.kept = {f"{self.name}.{name}: rebound with 'global'" for name in self.linkage.state}
        self._made: list[MadeAgain | tuple[ast.Name, ast.expr]] = []
        self.again_unless: list[tuple[str, RunsAgain]] = []  # each with what does not bring it about if made before
        outline = outline_of(source)
        self.has_source = outline is not None
        if outline is not None and source.data is not None:
            self._outline = outline
            self._imports = outline.imports
            self._tree = tree_of(source.data)
            self._own: set[str] = set()  # objects that the top level makes for itself, and may fill
            if not self.name.endswith(".__main__"):  # it runs as a script, and not when the package is imported
                for statement in executed(self._tree.body):
                    self._visit(statement)

    def _analyse(self, source: ModuleSource) -> Linkage:
        code = source.compile()
        self.asks_for_callers = sorted(
            f"{self.name}.{one.co_qualname}"
            for one in walk_codes(code)
            if one is not code and not CALLER_NAMES.isdisjoint(one.co_names)
        )
        return analyse(code, lambda name, level: bool(level) or self._covers(name))

    @property
    def bound(self) -> list[str]:
        """The names that are linked."""
        return [f"{self.name}.{name}" for name in sorted(self.linkage.bound)]

    @property
    def unbound(self) -> list[Unbound]:
        """The definitions that are not linked, with the reason: a value of `Reason`."""
        return [Unbound(f"{self.name}.{name}", reason.value) for name, reason in self.linkage.reasons.items()]

    @property
    def runs_again(self) -> list[RunsAgain]:
        """What a body does outside of the block, each time that it runs."""
        return [one for _, one in self.again_unless]

    @cached_property
    def made_again(self) -> list[MadeAgain]:
        """What each generation makes for itself; the functions are looked through for what they change."""
        found = (one if isinstance(one, MadeAgain) else self._made_variable(*one) for one in self._made)
        return [one for one in found if one is not None]

    @cached_property
    def _changed(self) -> frozenset[str]:
        return frozenset(_changed_names(self._tree))

    def _dotted(self, node: ast.expr) -> str:
        """Return the qualified name that an expression begins with, or the empty string."""
        if isinstance(node, ast.Call | ast.Subscript):
            return self._dotted(node.func if isinstance(node, ast.Call) else node.value)
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        if not isinstance(node, ast.Name):
            return ""
        if node.id in self._imports:
            return self._imports[node.id]
        own = node.id in self.linkage.bound or node.id in self.linkage.unbound or not hasattr(builtins, node.id)
        return f"{self.name}.{node.id}" if own else f"builtins.{node.id}"

    def _is_outside(self, dotted: str) -> bool:
        return bool(dotted) and not self._covers(dotted)

    def _place(self, node: ast.AST) -> str:
        return f"{self.file}:{getattr(node, 'lineno', 0)}"

    def _again(self, node: ast.AST, what: str, unless: str = "") -> None:
        """Note an effect; `unless` is the definition that brings it about, if it does not where it was made before."""
        self.again_unless.append((unless, RunsAgain(self.name, what, self._place(node))))

    def _visit(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._visit_definition(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self._visit_call(statement.value)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and statement.value is not None:
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                self._visit_assignment(target, statement.value)

    def _visit_definition(self, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        made_once = self._outline.registrations.get(statement.name)
        for at, decorator in enumerate(statement.decorator_list):
            dotted, root = self._dotted(decorator), root_name(decorator)
            once = made_once is not None and at < len(made_once.roots)
            if once and not self._is_linked and self._outlives_swap(root):
                continue
            if dotted in _CACHES:
                self._made.append(MadeAgain(f"{self.name}.{statement.name}", "lru_cache", self._place(decorator)))
            elif not _decorates_only(dotted) and self._tells_outside(decorator):
                self._again(decorator, f"@{_text(decorator)} on {statement.name}", statement.name if once else "")
        if isinstance(statement, ast.ClassDef):
            self._visit_bases(statement)

    def _visit_bases(self, statement: ast.ClassDef) -> None:
        for base in [*statement.bases, *(one.value for one in statement.keywords if one.arg == "metaclass")]:
            dotted = self._dotted(base)
            if self._is_outside(dotted) and dotted.partition(".")[0] not in sys.stdlib_module_names:
                condition = "" if self._is_linked else ", if its statement has changed"
                what = f"class {statement.name} tells {_text(base)} that it is made{condition}"
                self._again(statement, what, statement.name)
                break

    def _outlives_swap(self, root: str) -> bool:
        """Tell whether what a decorator belongs to outlives a swap: then what it registers stays registered."""
        return root in self._outline.variables or self._is_outside(self._imports.get(root, ""))

    def _visit_call(self, call: ast.Call) -> None:
        own_function = isinstance(call.func, ast.Name) and call.func.id in self.linkage.bound  # it may do anything
        if self._dotted(call) not in _SILENT and (own_function or self._tells_outside(call)):
            self._again(call, _text(call))

    def _tells_outside(self, node: ast.expr) -> bool:
        """Tell whether what an expression calls may belong to something outside of the block."""
        root = root_name(node)
        inside = root in self._own or root in self.linkage.bound or root in {"__all__", "__path__"}
        return not inside and not (root in self._imports and self._covers(self._imports[root]))

    def _is_own(self, value: ast.expr) -> bool:
        """Tell whether a value is made by the top level itself: by a display, a class, or the block's own code."""
        if not isinstance(value, ast.Call):
            return not isinstance(value, ast.Name | ast.Attribute | ast.Subscript)
        dotted = self._dotted(value)
        made_by = dotted.rpartition(".")[2]
        return not self._is_outside(dotted) or dotted in _CONTAINERS or made_by[:1].isupper()

    def _visit_assignment(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Attribute | ast.Subscript):
            if self._is_outside(self._dotted(target)):
                self._again(target, f"{_text(target)} = …")
        elif isinstance(target, ast.Name):
            if self._is_own(value):
                self._own.add(target.id)
            if target.id not in self.linkage.state and not _is_dunder(target.id):
                self._visit_variable(target, value)

    def _visit_variable(self, target: ast.Name, value: ast.expr) -> None:
        if isinstance(value, ast.Call) and self._dotted(value) == "blockfreeze.defvar":
            self.kept.add(f"{self.name}.{target.id}: defvar")
        else:
            self._made.append((target, value))

    def _made_variable(self, target: ast.Name, value: ast.expr) -> MadeAgain | None:
        kind = self._kind_of_object(target.id, value)
        beside = self.linkage.state_used_beside(target.id) if kind else ()
        return MadeAgain(f"{self.name}.{target.id}", kind, self._place(target), beside) if kind else None

    def _kind_of_object(self, name: str, value: ast.expr) -> str:
        """Say what `value`, which is stored under `name`, makes in each generation; the empty string if nothing."""
        if type(value) in _DISPLAYS:
            empty = not any(isinstance(child, ast.expr | ast.comprehension) for child in ast.iter_child_nodes(value))
            return _DISPLAYS[type(value)] if empty or name in self._changed else ""
        if not isinstance(value, ast.Call):
            return ""
        dotted = self._dotted(value)
        if dotted in _CONTAINERS:
            return dotted.rpartition(".")[2]
        return f"made by {_text(value.func)}()" if dotted and dotted not in _IMMUTABLE_MADE_BY else ""


def _decorates_only(dotted: str) -> bool:
    parts = dotted.split(".")
    return any(".".join(parts[:count]) in _DECORATES_ONLY for count in range(1, len(parts) + 1))


def _shown(path: str) -> str:
    """Return a path as a user would write it: relative to the current directory, if it is in there."""
    inside = Path(path).is_relative_to(Path.cwd())
    return str(Path(path).relative_to(Path.cwd())) if inside else path


def _text(node: ast.expr) -> str:
    try:
        text = ast.unparse(node).partition("\n")[0]
    except RecursionError:  # a long sum of texts is a deep tree
        text = f"{root_name(node)}(…)"
    return text if len(text) <= 72 else text[:71] + "…"


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _changed_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names whose values functions change in place."""
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, inside = todo.pop()
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        changed = _changed_by(node) if inside else None
        if isinstance(changed, ast.Name):
            yield changed.id
        todo += [(child, inside) for child in ast.iter_child_nodes(node)]


def _changed_by(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        return None if isinstance(node.ctx, ast.Load) else node.value
    if isinstance(node, ast.Attribute) and node.attr in _CHANGES:
        return node.value
    return node.target if isinstance(node, ast.AugAssign) else None
