"""Whether two versions of a block say the same: of one name in one module, or with everything that a statement reads."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from blockfreeze.linking import cpython
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import Outline, Skeleton, outline_of

Find = Callable[[str], ModuleSource | None]


def skeletons_agree(
    before: Find,
    after: Find,
    module: str,
    name: str,
    covers: Callable[[str], bool],
    part: Callable[[Outline, str], Skeleton | None] = Outline.skeleton_of,
    stays: Callable[[str, str], bool] = lambda module, name: False,
) -> bool:
    """Tell whether a statement says the same in two versions of a block, and so does everything that it reads.

    Args:
        before: returns a module of the block as it was, by name.
        after: returns it as it is now.
        module: where the statement is.
        name: what it defines.
        covers: tells whether a module belongs to the block.
        part: what counts of that statement; of the others that it reads, their skeleton or all of them.
        stays: tells whether what a star import brings under a name in a module is what it was.
    """
    seen = {(module, name, False)}
    todo = [(module, name, False)]  # module, name, and whether all of a class counts
    while todo:
        module, name, whole = todo.pop()
        old, new = (None if source is None else outline_of(source) for source in (before(module), after(module)))
        if old is None or new is None:
            return False
        if name in old.rebound or name in new.rebound or old.imports.get(name) != new.imports.get(name):
            return False
        found: list[tuple[str, str, bool]] = []
        skeletons = [None if whole else part(one, name) for one in (old, new)]
        part = Outline.skeleton_of
        if name in new.imports:
            dotted = new.imports[name]
            if covers(dotted):
                if after(dotted) is not None:  # a module as a value: anything may be read from it
                    if getattr(before(dotted), "data", None) != getattr(after(dotted), "data", None):
                        return False
                else:
                    parent, _, attribute = dotted.rpartition(".")
                    found = [(parent, attribute, whole)]
        elif skeletons[1] is not None:
            if skeletons[0] is None or skeletons[0].text != skeletons[1].text:
                return False
            found = [(module, one, one in skeletons[1].calls) for one in skeletons[1].reads]
        elif name in new.texts or name in old.texts:
            if old.texts.get(name) != new.texts.get(name):
                return False
            found = [(module, one, True) for one in new.reads[name]]
        elif new.has_star and not hasattr(builtins, name) and not stays(module, name):
            return False
        fresh = [one for one in found if one not in seen]
        seen.update(fresh)
        todo += fresh
    return True


def says_the_same(before: ModuleSource, after: ModuleSource, name: str) -> bool:
    """Tell whether the statements that bind `name` at the top level of two versions of a module have the same text.

    The name of an attribute that the body of a class binds has that of the class in front, and a dot. Positions and
    comments do not count. Without source, or without such a statement, everything counts as changed.
    """
    if before.data is None or after.data is None:
        return False
    if before.data == after.data:
        return name in _names_bound(after.data)
    digest = _digests(after.data).get(name)
    return digest is not None and digest == _digests(before.data).get(name)


@lru_cache(maxsize=1024)
def _names_bound(data: bytes) -> frozenset[str]:
    return frozenset(name for _, name in _bindings(cpython.parse(data).body))


@lru_cache(maxsize=1024)
def _digests(data: bytes) -> Mapping[str, str]:
    digests: dict[str, str] = {}
    for statement, name in _bindings(cpython.parse(data).body):
        digests[name] = digests.get(name, "") + ast.dump(statement)
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in digests.items()}


def _assigned(target: ast.expr) -> Iterable[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _assigned(one)


def _bindings(statements: Iterable[ast.stmt]) -> Iterable[tuple[ast.stmt, str]]:
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement, statement.name
            if isinstance(statement, ast.ClassDef):
                yield from ((inner, f"{statement.name}.{name}") for inner, name in _bindings(statement.body))
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from ((statement, name) for name in _assigned(target))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement, statement.target.id
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _bindings(getattr(statement, field, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from _bindings(handler.body)
