"""Results: a function kept its name and returns something of another form, or raises something else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Final

from blockfreeze.advice.flow import kind_of, leaves_results
from blockfreeze.advice.forms import NONE, UNKNOWN, Form, Forms, FormsOf
from blockfreeze.advice.texts import Found, Function, Version, decorator_names, dotted_name, own_nodes, said_of
from blockfreeze.core.advice import NOTE, WARNING, Advice
from blockfreeze.versions.statements import said

_WHO = "code outside that holds a result of the version before, or was written for it"
_WIDEN = (
    "widen first: in one release let whoever takes it accept both forms, and change what is returned in the next; or "
    "give the new form a name of its own"
)
_CATCHES = "code outside that catches the one it knew, also around a call that is under way"
_WIDEN_ERRORS = "let the new exception be a sub-class of the old one for one release"

_ALIKE = 0.6
"""How alike two messages are, from 0 to 1, that are taken for one that was reworded."""

_SAME_AS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("socket.error", "select.error", "os.error", "mmap.error"), "OSError")
    | dict.fromkeys(("socket.timeout", "asyncio.TimeoutError", "concurrent.futures.TimeoutError"), "TimeoutError")
)
"""Other names of exceptions that are built in."""

_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "function": "a plain function",
        "coroutine": "a coroutine function",
        "generator": "a generator function",
        "async generator": "an asynchronous generator function",
    }
)


def result_advice(before: Found, after: Found, was: FormsOf, now: FormsOf) -> Iterator[Advice]:
    """Yield what has changed of what a function returns and raises, if code outside can call it."""
    old, new = before.node, after.node
    assert isinstance(old, Function)
    assert isinstance(new, Function)
    if not before.is_public or _is_stub(old) or _is_stub(new) or decorator_names(old) != decorator_names(new):
        return
    kinds = kind_of(old), kind_of(new)
    if "coroutine" in kinds and kinds[0] != kinds[1]:
        if leaves_results(new) and not _returns_awaitable(old, kinds):
            yield said_of(before, after, "result", WARNING, _other_kind(kinds), _WHO, _WIDEN)
    elif after.path.rpartition(".")[2] != "__init__" and leaves_results(new):
        found = _changed(_called(before, was), _called(after, now), now.fits)
        is_declared = id(before) in was.declared or id(after) in now.declared
        if found is not None and not (is_declared and _returns(old) == _returns(new)):
            what = found[1] if kinds[0] == kinds[1] else f"{_other_kind(kinds)}: it {found[1]}"
            yield said_of(before, after, "result", found[0], what, _WHO, _WIDEN, _place(after, found[2], now))
    if before.said != after.said:
        yield from _raised(before, after, was.version, now.version)


def _called(function: Found, forms: FormsOf) -> Forms:
    """Return the forms of what calling a function gives, or awaiting that."""
    assert isinstance(function.node, Function)
    kind = kind_of(function.node)
    return forms.returned(function) if kind in ("function", "coroutine") else frozenset({Form(kind)})


def _returns(function: Function) -> list[str]:
    """Return what the ``return`` statements say; if they say the same, an annotation has been corrected."""
    return sorted(said(node) for node in own_nodes(function) if isinstance(node, ast.Return))


def _other_kind(kinds: tuple[str, str]) -> str:
    return f"was {_KINDS[kinds[0]]}, and is {_KINDS[kinds[1]]}"


def _returns_awaitable(old: Function, kinds: tuple[str, str]) -> bool:
    """Tell whether a plain function may have returned an awaitable: it hands on what it calls."""
    if kinds[0] != "function":
        return False
    returned = [node.value for node in own_nodes(old) if isinstance(node, ast.Return)]
    return bool(returned) and all(isinstance(one, ast.Call | ast.Name) for one in returned)


def _changed(was: Forms, now: Forms, fits: Callable[[Form, Form], bool]) -> tuple[str, str, Forms] | None:
    """Return how sure it is that forms have changed, what to say, and the forms that are new; None if they fit."""
    if was <= {NONE}:  # nobody has used it
        return None
    strange = sorted((one for one in now if not any(fits(other, one) for other in was)), key=str)
    tuples = [{one for one in forms if one.kind == "tuple" and one.detail is not None} for forms in (was, now)]
    if all(tuples) and tuples[0].isdisjoint(tuples[1]) and len(tuples[1]) == 1:
        return WARNING, f"returned {words(tuples[0])}, and returns {words(tuples[1])} now", frozenset(tuples[1])
    if len(tuples[0]) > 1:  # of a length that says nothing
        strange = [one for one in strange if one.kind != "tuple"]
    if not strange:
        return None
    gone = not any(fits(other, one) for one in now for other in was)
    certain = gone and UNKNOWN not in now
    said_now = f"returns {words(now)} now" if certain else f"may return {words(frozenset(strange))} as well now"
    return WARNING if certain else NOTE, f"returned {words(was)}, and {said_now}", frozenset(strange)


def words(forms: Forms | set[Form]) -> str:
    """Return the words for what may be one of several forms."""
    return " or ".join(sorted(map(str, forms)))


def _place(after: Found, forms: Forms, now: FormsOf) -> str:
    """Return where a function returns one of the forms, or where it begins if that is not one statement."""
    for node in own_nodes(after.node):
        if isinstance(node, ast.Return) and not forms.isdisjoint(now.of_return(node, after)):
            return after.text.place(node)
    return after.place


def _is_stub(function: Function) -> bool:
    """Tell whether a function says nothing of what others, of the same name, return."""
    rest = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    if not rest or all(isinstance(one, ast.Pass) for one in rest):
        return True
    return len(rest) == 1 and isinstance(rest[0], ast.Raise)


@dataclass(frozen=True)
class _Raised:
    """A ``raise`` of a new exception: its class, its message, and the condition under which it is raised."""

    node: ast.Raise
    dotted: str
    message: str
    condition: str


def _raised(before: Found, after: Found, was: Version, now: Version) -> Iterator[Advice]:
    old, new = _raises(before, was), _raises(after, now)
    stays = {one.dotted for one in old} & {one.dotted for one in new}
    gone = [one for one in old if one.dotted not in stays]
    told: set[str] = set()
    for one in new:
        same = None if one.dotted in stays else next((other for other in gone if _is_same(other, one)), None)
        if same is not None and not _is_kind_of(now, after, one, same.dotted):
            what = f"raised {_last(same.dotted)}, and raises {_last(one.dotted)} now"
            if what not in told:
                place = after.text.place(one.node)
                yield said_of(before, after, "exception", WARNING, what, _CATCHES, _WIDEN_ERRORS, place)
            told.add(what)


def _raises(function: Found, version: Version) -> list[_Raised]:
    found: list[_Raised] = []
    todo: list[tuple[ast.AST, str]] = [(function.node, "")]
    while todo:
        node, condition = todo.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            dotted = version.dotted(function.text, node.exc.func)
            texts = [one.value for one in ast.walk(node.exc) if isinstance(one, ast.Constant)]
            if dotted and dotted_name(node.exc.func)[:1].isupper():
                found.append(_Raised(node, dotted, " ".join(map(str, texts)), condition))
        inside = condition
        if isinstance(node, ast.If):
            inside = said(node.test)
        elif isinstance(node, ast.ExceptHandler):
            inside = said(node.type) if node.type is not None else "except"
        nested = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
        if not nested or node is function.node:
            todo += [(child, inside) for child in ast.iter_child_nodes(node)]
    return found


def _is_same(old: _Raised, new: _Raised) -> bool:
    if old.message and new.message:
        return SequenceMatcher(None, old.message, new.message).ratio() > _ALIKE
    return bool(old.condition) and old.condition == new.condition


def _is_kind_of(version: Version, after: Found, raised: _Raised, old: str) -> bool:
    """Tell whether who catches the old exception catches the new one; also if that is not known."""
    known = _built_in(raised.dotted), _built_in(old)
    if known[0] is not None and known[1] is not None:
        return issubclass(known[0], known[1])
    assert isinstance(raised.node.exc, ast.Call)
    found = version.find(after.text.name, dotted_name(raised.node.exc.func))
    if found is None or not isinstance(found.node, ast.ClassDef):
        return known[0] is None  # of another package: its bases are not known
    inside, others = version.ancestors(found)
    if old in others or any(one.name == old or _last(one.name) == _last(old) for one in (found, *inside)):
        return True
    bases = [_built_in(one) for one in others]
    return any(base is None or (known[1] is not None and issubclass(base, known[1])) for base in bases)


def _built_in(dotted: str) -> type | None:
    found = getattr(builtins, _SAME_AS.get(dotted, dotted.removeprefix("builtins.")), None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]
