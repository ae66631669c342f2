"""State that survives: what the version before put there in an old form, and the new one takes for its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from blockfreeze.advice.forms import NONE, UNKNOWN, Forms, FormsOf, Scope
from blockfreeze.advice.held import Contents, differing, held_values, unpacked
from blockfreeze.advice.results import words
from blockfreeze.advice.texts import Found, Function, Text, dotted_name, own_nodes
from blockfreeze.core.advice import NOTE, WARNING, Advice

_WHO_DECLARED = "the value that the version before has left in it, which survives; old calls that end after the commit"
_WHO_PUT = "what the version before has put there, which survives; old calls that end after the commit"
_VERSION = "give the defvar another version=, with a function that migrates the value"
_PUT = "declare it with defvar and another version=, and migrate what is there; or accept both forms for one release"

_CONTAINERS = ("list", "dict", "set", "deque", "queue", "WeakKeyDictionary", "WeakValueDictionary", "WeakSet")


def state_advice(old: Text, new: Text, was: FormsOf, now: FormsOf, known: frozenset[str]) -> Iterator[Advice]:
    """Yield what of the state that survives in a module has another form in its new version.

    Args:
        known: the texts and keywords that the version before has anywhere.
    """
    migrated = {
        name for name, version in new.outline.variables.items() if old.outline.variables.get(name, version) != version
    }
    names = _surviving(old, new, was, now) - migrated
    for name in sorted(names):
        yield from _other_value(old, new, name, was, now)
    for name, why in differing(_sides(old, names, was), _sides(new, names, now), was, now):
        yield _advice(old, new, name, WARNING, f"it {why}", _PUT)
    yield from _other_keys(old, new, names, known)


def _surviving(old: Text, new: Text, was: FormsOf, now: FormsOf) -> set[str]:
    """Return the names whose values survive: declared, rebound, or containers that the same statement makes."""
    names = old.outline.variables.keys() & new.outline.variables.keys()
    names |= old.outline.rebound & new.outline.rebound
    for name in old.values.keys() & new.values.keys():
        before, after = old.values[name].node, new.values[name].node
        assert isinstance(before, ast.expr)
        if "." not in name and ast.dump(before) == ast.dump(after):
            if {one.kind for one in was.of(before, Scope(old))} <= set(_CONTAINERS):
                names |= {name}
    return set(names)


def _other_value(old: Text, new: Text, name: str, was: FormsOf, now: FormsOf) -> Iterator[Advice]:
    before, after = old.values.get(name), new.values.get(name)
    if before is None or after is None or before.said == after.said:
        return
    first, second = _initial(before, was), _initial(after, now)
    if UNKNOWN in first | second or NONE in first | second:
        return
    if not any(now.fits(one, other) or was.fits(other, one) for one in first for other in second):
        what = f"it was made as {words(first)}, and is made as {words(second)} now, but what is there stays"
        yield _advice(old, new, name, WARNING, what, _VERSION, _WHO_DECLARED)


def _initial(found: Found, forms: FormsOf) -> Forms:
    """Return the forms of what a variable is made as: for `defvar`, what its factory returns."""
    assert isinstance(found.node, ast.expr)
    scope = Scope(found.text)
    if found.path not in found.text.outline.variables:
        return forms.of(found.node, scope)
    assert isinstance(found.node, ast.Call)
    factory = found.node.args[1] if len(found.node.args) > 1 else None
    if isinstance(factory, ast.Lambda):
        return forms.of(factory.body, scope)
    if isinstance(factory, ast.Call) and dotted_name(factory.func).endswith("partial"):
        factory = factory.args[0]
    return forms.of(None if factory is None else ast.Call(factory, [], []), scope)


def _sides(text: Text, names: set[str], forms: FormsOf) -> Contents:
    values: dict[str, Forms] = {}
    taken: dict[str, set[int]] = {}
    for function in text.functions.values():
        assert isinstance(function.node, Function)
        for name, value in held_values(function.node):
            if name in names:
                found = forms.of(value, Scope(text, function.cls, function.node))
                values[name] = values.get(name, frozenset()) | found
        for name, count in unpacked(function.node):
            if name in names:
                taken.setdefault(name, set()).add(count)
    return values, taken


def _other_keys(old: Text, new: Text, names: set[str], known: frozenset[str]) -> Iterator[Advice]:
    """Yield the state from whose entries a function reads a key that nobody wrote before, and that is written now."""
    written = written_words([new.tree])
    for function in new.functions.values():
        nodes = list(own_nodes(function.node))
        used = sorted({one.id for one in nodes if isinstance(one, ast.Name)} & names)
        for key in sorted({key for node in nodes for key in _key_read(node)} - known if used else ()):
            if key in written and function.path in old.functions:
                what = f"{function.path} reads the key {key!r} of what is in it, which the version before never wrote"
                yield _advice(old, new, used[0], NOTE, what, _PUT)


def _key_read(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Constant):
        if isinstance(node.slice.value, str):
            yield node.slice.value


def written_words(trees: list[ast.Module]) -> frozenset[str]:
    """Return the texts that trees have anywhere but where a key is read, and the keywords of calls."""
    found: set[str] = set()
    for tree in trees:
        read = {id(node.slice) for node in ast.walk(tree) for _ in _key_read(node) if isinstance(node, ast.Subscript)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in read:
                found.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
    return frozenset(found)


def _advice(old: Text, new: Text, name: str, level: str, what: str, remedy: str, who: str = _WHO_PUT) -> Advice:
    before, after = (one.values[name].place if name in one.values else f"{one.file}:1" for one in (old, new))
    return Advice("state", level, f"{new.name}.{name}", before, after, what, who, remedy)
