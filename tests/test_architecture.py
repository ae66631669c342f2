"""The house: which room may import which, who stores the one reference, who holds state, how long a file may be.

Everything is read off the source with `ast`. Imports for type checkers count as all others: a reader follows them too.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from statistics import median
from types import GenericAlias, MappingProxyType

import pytest
from import_graph import imported, on_circles

from blockfreeze.linking import cpython

ROOT = Path(__file__).parents[1] / "blockfreeze"
FILES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}

ROOMS = (
    "core",
    "linking",
    "inlining",
    "versions",
    "advice",
    "releases",
    "model",
    "dispatch",
    "identity",
    "state",
    "instances",
    "draining",
    "building",
    "reporting",
    "swapping",
    "api",
    "servers",
    "metrics",
    "control",
    "coordination",
    "fleet",
    "pictures",
    "notebooks",
    "__init__",
    "testing",
    "demo",
    "cli",
    "__main__",
)
"""From the ground up: a file imports from its own room and from those before it. What users import is `__init__`."""

DEPENDENCIES = {"bytecode"}
OPTIONAL = {
    "celery": {"control.hooks.celery"},
    "cryptography": {"releases.keys"},
    "django": {"control.hooks.django"},
    "packaging": {
        "cli.advisories",
        "cli.auditing",
        "cli.fetching",
        "cli.fitting",
        "cli.pip_audit",
        "cli.upgrading",
    },
    "click": {
        "cli.attaching",
        "cli.auditing",
        "cli.commands",
        "cli.compiling",
        "cli.upgrading",
        "cli.operating",
        "cli.options",
        "cli.picturing",
        "cli.running",
        "cli.typed",
        "cli.watching",
    },
    "graphviz": {"pictures.svg"},
    "opentelemetry": {"metrics.opentelemetry"},
    "prometheus_client": {"metrics.prometheus"},
    "watchfiles": {"cli.watching"},
    "IPython": {"notebooks.magics"},
    "pytest": {"testing.plugin"},
    "redis": {"fleet.redis_store"},
    "rich": {"demo.rich_display", "cli.auditing", "cli.fleets", "cli.showing"},
}
"""What only the named modules may import; they are themselves imported inside functions alone."""

LONGEST = 300
MEDIAN = 120
LONGEST_FUNCTION = 60
MEDIAN_FUNCTION = 10


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when the module is imported: not the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(child):
            continue
        yield child
        yield from at_import(child)


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Walk everything but what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not _is_for_types(child):
            yield child
            yield from at_run_time(child)


def internal(names: set[str]) -> set[str]:
    """Return the modules of the package among dotted names; a name that is no module belongs to its parent."""
    found = set()
    for name in names:
        if name == "blockfreeze" or name.startswith("blockfreeze."):
            inside = name.removeprefix("blockfreeze").removeprefix(".")
            while inside and inside not in FILES and f"{inside}.__init__" not in FILES:
                inside = inside.rpartition(".")[0]
            found.add(inside if inside in FILES else f"{inside}.__init__".removeprefix("."))
    return found


def imports() -> dict[str, set[str]]:
    return {name: internal(imported(ast.walk(tree_of(name)))) - {name} for name in FILES}


def room_of(name: str) -> int:
    return ROOMS.index(name.partition(".")[0])


def test_every_file_is_in_a_room_and_every_room_exists() -> None:
    assert {name.partition(".")[0] for name in FILES} == set(ROOMS)


def test_every_room_says_what_it_owns_and_what_it_may_import() -> None:
    for room in set(ROOMS) - {"__init__", "__main__", "demo"}:
        said = ast.get_docstring(tree_of(f"{room}.__init__")) or ""
        assert "import" in said.lower(), room
        assert not tree_of(f"{room}.__init__").body[1:], (
            "a room's __init__ has no code: who imports from it names the file"
        )


def test_imports_go_downwards_only() -> None:
    upwards = [(name, other) for name, names in imports().items() for other in names if room_of(other) > room_of(name)]
    assert not upwards


def test_no_import_cycles() -> None:
    assert not on_circles(imports())


def test_third_party_imports_are_bytecode_and_the_declared_optional_ones() -> None:
    strangers = []
    for name in FILES:
        tops = {dotted.partition(".")[0] for dotted in imported(at_run_time(tree_of(name)))}
        allowed = DEPENDENCIES | {top for top, where in OPTIONAL.items() if name in where} | {"blockfreeze"}
        strangers += [(name, top) for top in tops - set(sys.stdlib_module_names) - allowed]
    assert not strangers


def test_what_needs_an_optional_package_is_imported_inside_functions() -> None:
    optional = set().union(*OPTIONAL.values()) - {"releases.keys", "pictures.svg"}  # they import inside functions too
    eager = [(name, internal(imported(at_import(tree_of(name)))) & optional) for name in FILES]
    assert not [(name, found) for name, found in eager if found and name not in optional]


@pytest.mark.needs_subprocess
def test_importing_blockfreeze_imports_nothing_else_of_others() -> None:
    script = (
        "import sys; before = set(sys.modules); import blockfreeze; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before - {'_missing_stdlib_info'}}))"
    )  # that module is a list which CPython 3.15 is built with, and which it does not name among its own
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    imported_here = set() if cpython.FORMATS_ARE_KNOWN else DEPENDENCIES  # the library links where bytes are not known
    assert set(ran.stdout.split()) - set(sys.stdlib_module_names) == imported_here | {"blockfreeze"}


def stores_of(attribute: str, name: str) -> list[int]:
    """Return the lines where a module stores or deletes an attribute of that name, of whatever object."""
    lines = []
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Attribute) and node.attr == attribute and not isinstance(node.ctx, ast.Load):
            lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "delattr")):
            lines += [node.lineno for argument in node.args if ast.unparse(argument) == repr(attribute)]
    return lines


def test_one_file_stores_the_one_reference() -> None:
    assert {name for name in FILES if stores_of("vector", name)} == {"model.reference"}


def _is_mutable(value: object) -> bool:
    if isinstance(value, ContextVar | GenericAlias):
        return False  # a key, under which each context has its own; the name of a type
    immutable = (str, bytes, int, float, complex, tuple, frozenset, MappingProxyType, type(None), range)
    if isinstance(value, immutable) or inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        return False
    return hasattr(value, "__setitem__") or any(
        hasattr(value, method) for method in ("add", "append", "acquire", "set", "put")
    )


def _read_only(annotation: ast.expr) -> bool:
    return any(word in ast.unparse(annotation) for word in ("Mapping[", "Sequence[", "Set["))


def module_state(name: str) -> set[str]:
    """Return the module's own global names that hold something mutable and are not declared to be read only."""
    module = importlib.import_module(f"blockfreeze.{name}".removesuffix(".__init__"))
    declared: dict[str, ast.expr | None] = {}
    for node in at_import(tree_of(name)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            declared[node.target.id] = node.annotation
        elif isinstance(node, ast.Assign):
            declared |= {target.id: None for target in node.targets if isinstance(target, ast.Name)}
    return {
        target
        for target, annotation in declared.items()
        if not target.startswith("__")
        and _is_mutable(vars(module).get(target))
        and not (annotation is not None and _read_only(annotation))
    }


def test_one_file_holds_state_at_module_level() -> None:
    importable = set(FILES) - set().union(*OPTIONAL.values()) - {"__main__"} | {"releases.keys", "pictures.svg"}
    assert {name for name in importable if module_state(name)} == {"api.registry"}


def test_only_there_functions_rebind_a_global() -> None:
    rebinding = {name for name in FILES for node in ast.walk(tree_of(name)) if isinstance(node, ast.Global)}
    assert rebinding <= {"api.registry"}


def test_private_names_stay_in_their_files() -> None:
    taken = [
        (name, alias.name)
        for name in FILES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("blockfreeze")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not taken


def test_only_what_users_import_from_lists_its_names() -> None:
    """Everywhere else a name without an underscore is what a module gives."""
    lists = [
        name
        for name in FILES
        for node in tree_of(name).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert sorted(lists) == ["__init__", "core.errors", "core.events"]


WORDS_THAT_NEED_THEIR_AUTHOR = re.compile(
    r"twins?|lasting|keep(?:ing|ers?)|drafts?|opaque|births?|born|reach|asking|settled?s?|made_again", re.IGNORECASE
)
"""Words that stood for something here, and have given way to those of the glossary."""


def test_names_are_those_of_the_glossary() -> None:
    """A name may not be, or have among its words, one that only its author could place; `report` and `forecast` may."""
    found = []
    for name in FILES:
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                parts = re.findall(r"[A-Z]?[a-z]+", node.name)
                found += [f"{name}.{node.name}" for part in parts if WORDS_THAT_NEED_THEIR_AUTHOR.fullmatch(part)]
    assert not found


def test_files_are_short() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}
    assert median(lengths.values()) <= MEDIAN


def functions_of(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    lengths = {
        f"{name}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for name in FILES
        for function in functions_of(name)
    }
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}
    assert median(lengths.values()) <= MEDIAN_FUNCTION


def test_every_function_is_annotated() -> None:
    bare = []
    for name in FILES:
        for function in functions_of(name):
            given = function.args
            arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            complete = all(a.annotation or a.arg in ("self", "cls") for a in arguments if a is not None)
            if function.returns is None or not complete:
                bare.append(f"{name}:{function.lineno} {function.name}")
    assert not bare


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not _is_overload(node):
                yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


def test_every_module_and_every_public_name_is_documented() -> None:
    silent = [name for name in FILES if not ast.get_docstring(tree_of(name))]
    for name in FILES:
        silent += [
            f"{name}:{node.lineno} {node.name}" for node in _public(tree_of(name).body) if not ast.get_docstring(node)
        ]
    assert not silent


def test_no_file_is_named_after_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "manager", "handler", "data", "info", "misc", "common", "base"}
    assert not [name for name in FILES if empty & set(name.replace(".", "_").split("_"))]
