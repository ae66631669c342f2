"""What another version changes: definitions that are added, removed and changed, and those that use what is changed."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import CodeType

from blockfreeze.linking.instructions import Instructions
from blockfreeze.pictures.graph import Graph
from blockfreeze.pictures.parts import Change, Definition
from blockfreeze.pictures.reading import Reading
from blockfreeze.versions.agreement import says_the_same
from blockfreeze.versions.module_source import ModuleSource, tree_of
from blockfreeze.versions.outline import outline_of
from blockfreeze.versions.statements import DEFINITIONS, said


def compare(before: Reading, after: Reading, against: str) -> Graph:
    """Return the graph of both versions together: what each definition of the later one is, and those that are gone.

    What uses something that is added, removed or changed, or a variable whose statement is changed, may do something
    else though its own statement says the same; and so may what uses that.

    Args:
        against: what the other version is called.
    """
    old, new = dict(before.definitions), dict(after.definitions)
    changes = dict.fromkeys(old.keys() - new.keys(), Change.REMOVED)
    changes |= dict.fromkeys(new.keys() - old.keys(), Change.ADDED)
    changes |= {
        name: Change.CHANGED for name in new.keys() & old.keys() if not _says_the_same(before, after, new[name])
    }
    because = _because([*changes, *_changed_variables(before, after)], after)
    definitions = []
    for name, one in (old | new).items():
        change = changes.get(name, Change.BY_CALLEE if name in because else Change.NONE)
        reasons = tuple(sorted(because[name])) if change is Change.BY_CALLEE else ()
        definitions.append(replace(one, change=change, because=reasons))
    links = [one for one in before.links if changes.get(one.caller) is Change.REMOVED]
    return Graph.of(
        after.block,
        definitions,
        [*links, *after.links],
        against=against,
        unreadable=after.unreadable,
    )


def _because(changed: Iterable[str], after: Reading) -> dict[str, set[str]]:
    """Return what uses something changed, however far away, and what of that it uses itself."""
    users: dict[str, set[str]] = {}
    for link in after.links:
        users.setdefault(link.callee, set()).add(link.caller)
    for name, reads in after.reads.items():
        for variable in reads:
            users.setdefault(variable, set()).add(name)
    found: dict[str, set[str]] = {}
    todo = list(changed)
    seen = set(todo)
    while todo:
        one = todo.pop()
        for user in users.get(one, ()):
            found.setdefault(user, set()).add(one)
            if user not in seen:
                seen.add(user)
                todo.append(user)
    return found


def _says_the_same(before: Reading, after: Reading, one: Definition) -> bool:
    was, now = before.snapshot.modules[one.module], after.snapshot.modules[one.module]
    if was.data is not None and was.data == now.data:
        return True
    if outline_of(was) is None or outline_of(now) is None:
        name = "" if one.kind == "body" else one.name.removeprefix(f"{one.module}.")
        return _codes(before, one.module, name) == _codes(after, one.module, name)
    if one.kind == "body":
        return _body(was) == _body(now)
    return says_the_same(was, now, one.name.removeprefix(f"{one.module}."))


def _body(source: ModuleSource) -> list[str]:
    """Return what the statements say that make no definition, but for texts that stand alone."""
    assert source.data is not None
    return [
        said(one)
        for one in tree_of(source.data).body
        if not isinstance(one, DEFINITIONS) and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
    ]


def _codes(reading: Reading, module: str, name: str) -> list[object]:
    one = reading.modules[module]
    return [_without_positions(code) for code in (one.codes[name] if name else [one.code])]


def _without_positions(code: CodeType) -> object:
    """Return what a code object does, which is equal to what one does that stands elsewhere in a file."""
    read, does = Instructions(code), []
    for place in read.every():
        opname, argument = read.opname(place), read.argument(place)
        follower = read.after(place)
        if read.opname(follower) == "STORE_NAME" and read.used_name(follower)[0] == "__firstlineno__":
            continue  # since 3.13 a class notes its line
        constant: object = argument
        if read.opcode(place) in dis.hasconst:
            constant = code.co_consts[argument]
            constant = _without_positions(constant) if isinstance(constant, CodeType) else (type(constant), constant)
        does.append((opname, constant))
    variables = code.co_varnames, code.co_cellvars, code.co_freevars, code.co_argcount, code.co_kwonlyargcount
    return does, code.co_name, code.co_names, code.co_flags, code.co_exceptiontable, variables


def _changed_variables(before: Reading, after: Reading) -> Iterator[str]:
    """Yield the variables, and the imported names, of modules with source whose statements say something else."""
    for name, one in after.modules.items():
        was, now = before.snapshot.modules.get(name), after.snapshot.modules[name]
        if was is None or was.data == now.data:
            continue
        old, new = outline_of(was), outline_of(now)
        if old is not None and new is not None:
            for stored in one.stored - one.lines.keys():
                if old.imports.get(stored) != new.imports.get(stored) or not new.changes_alike(old, stored):
                    yield f"{name}.{stored}"
