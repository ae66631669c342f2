"""Constants, attributes of classes, members and fields: a name stayed, and what it stands for is another thing now."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from blockfreeze.advice.forms import NONE, UNKNOWN, Form, FormsOf, Scope
from blockfreeze.advice.parameters import Parameters, changed_parameters
from blockfreeze.advice.results import words
from blockfreeze.advice.texts import Found, Function, Version, decorator_names, dotted_name, said_of
from blockfreeze.core.advice import NOTE, WARNING, Advice

_WHO_IMPORTED = "modules outside that have it by a from-import, which go on with the old one; what was computed from it"
_WHO_READ = "code outside that reads it, or has put what it read into objects that go on living"
_WHO_CALLS = "code outside that uses it as it was, also in a call that is under way"
_WHO_STORED = "what was stored, sent or pickled by the version before; code outside that holds or matches a member"
_WHO_UNPACKS = "instances made before, which are tuples of the old fields; code outside that unpacks them"
_WHO_MAKES = "code outside that makes instances by position"

_NEW_NAME = "give the new meaning a new name, and let the old name keep the old one for one release"
_WIDEN = "widen first: let readers accept both, and change it in the next release"
_KEEP_VALUES = "keep the old members and values, and add new ones at the end"
_ADD_LAST = "add fields at the end and with defaults, and read them by name"

_UNITS: Final = frozenset({24, 60, 1000, 1024, 3600, 86_400, 1_000_000, 1_048_576, 1_000_000_000})
"""By what a number is multiplied if its unit becomes another one."""

_LARGEST: Final = 16
"""The most keys of a dictionary whose keys are told of: in a larger one code looks up what it is given."""

_RECORDS: Final = ("typing.NamedTuple", "typing_extensions.NamedTuple")
_ENUMERATIONS: Final = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
_READ_AS_ATTRIBUTE: Final = frozenset({"property", "cached_property"})
_SEQUENCES: Final = frozenset({"list", "tuple", "set", "frozenset"})


def constant_advice(before: Found, after: Found, was: FormsOf, now: FormsOf) -> Iterator[Advice]:
    """Yield what has changed of a constant, or an attribute of a class, that code outside can read."""
    if not before.is_public or before.path.endswith("__") or before.said == after.said:
        return
    inside = before.cls
    assert isinstance(before.node, ast.expr)
    assert isinstance(after.node, ast.expr)
    kind, who = ("attribute", _WHO_READ) if inside else ("constant", _WHO_IMPORTED)
    old, new = was.of(before.node, Scope(before.text)), now.of(after.node, Scope(after.text))
    if UNKNOWN in old | new or NONE in old | new:  # None holds the place for something else
        return
    if any(now.fits(_roughly(one), _roughly(other)) for one in old for other in new):
        yield from _by_value(before, after, kind, who)
        return
    level = NOTE if {one.kind for one in old | new} <= _SEQUENCES else WARNING
    yield said_of(before, after, kind, level, f"was {words(old)}, and is {words(new)} now", who, _NEW_NAME)


def _roughly(form: Form) -> Form:
    return Form(form.kind) if form.kind in ("tuple", "dict") else form


def _by_value(before: Found, after: Found, kind: str, who: str) -> Iterator[Advice]:
    old, new = _number(before.node), _number(after.node)
    if old and new and max(old, new) / min(old, new) in _UNITS:
        what = f"was {ast.unparse(before.node)} and is {ast.unparse(after.node)} now: its unit may be another one"
        yield said_of(before, after, kind, NOTE, what, who, _NEW_NAME)
    if isinstance(before.node, ast.Dict) and isinstance(after.node, ast.Dict):
        keys = [
            {ast.unparse(one) for one in node.keys if isinstance(one, ast.Constant)}
            for node in (before.node, after.node)
        ]
        whole = all(one is not None for one in (*after.node.keys, *before.node.keys))
        gone = sorted(keys[0] - keys[1])
        if whole and gone and len(before.node.keys) <= _LARGEST:
            what = f"does not have {_some(gone)} any more"
            yield said_of(before, after, "keys", NOTE, what, who, _WIDEN)


def _number(node: ast.AST) -> float:
    """Return the positive number that an expression of constants has; 0 if it is none."""
    try:
        value = ast.literal_eval(node) if isinstance(node, ast.expr) else 0
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return 0
    return value if type(value) in (int, float) and value > 0 else 0


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} others" if len(names) > 4 else "")


def class_advice(before: Found, after: Found, was: Version, now: Version) -> Iterator[Advice]:
    """Yield what has changed of the members and fields of a class, and of how its attributes are read."""
    assert isinstance(before.node, ast.ClassDef)
    assert isinstance(after.node, ast.ClassDef)
    if before.said == after.said:
        return
    kinds = {_kind_of_class(before, was), _kind_of_class(after, now)}
    if kinds == {"enum"}:
        yield from _members(before, after)
    elif kinds == {"record"}:
        yield from _fields(before, after, _field_names(before.node), _field_names(after.node))
    elif kinds == {"dataclass"} and before.is_public:
        both = _dataclass_parameters(before.node), _dataclass_parameters(after.node)
        yield from changed_parameters(before, after, *both)
    if before.is_public:
        yield from _ways_of_reading(before, after)


def record_advice(before: Found, after: Found, was: Version, now: Version) -> Iterator[Advice]:
    """Yield what has changed of the fields of a named tuple that a call makes."""
    old, new = _named_tuple(before, was), _named_tuple(after, now)
    if old and new:
        yield from _fields(before, after, old, new)


def _kind_of_class(found: Found, version: Version) -> str:
    assert isinstance(found.node, ast.ClassDef)
    _, others = version.ancestors(found)
    if not others.isdisjoint(_ENUMERATIONS):
        return "enum"
    if not others.isdisjoint(_RECORDS):
        return "record"
    methods = found.text.functions
    is_made = "dataclass" in decorator_names(found.node) and f"{found.path}.__init__" not in methods
    return "dataclass" if is_made and others <= {"object", "abc.ABC"} else "class"


def _members(before: Found, after: Found) -> Iterator[Advice]:
    old, new = _values_of_members(before), _values_of_members(after)
    gone = sorted(old.keys() - new.keys())
    others = [name for name in old if name in new and old[name] != new[name]]
    if gone:
        yield said_of(
            before, after, "members", WARNING, f"does not have {_some(gone)} any more", _WHO_STORED, _KEEP_VALUES
        )
    if others:
        shown = ", ".join(f"{name} was {old[name]} and is {new[name]}" for name in others[:3])
        yield said_of(before, after, "members", WARNING, f"{shown} now", _WHO_STORED, _KEEP_VALUES)


def _values_of_members(found: Found) -> dict[str, str]:
    """Return the members of an enumeration, with what their values are written as; ``auto`` counts."""
    values: dict[str, str] = {}
    count = 0
    for path, value in found.text.values.items():
        inside, _, name = path.rpartition(".")
        if inside == found.path and not name.startswith("_"):
            assert isinstance(value.node, ast.expr)
            is_counted = isinstance(value.node, ast.Call) and dotted_name(value.node.func).endswith("auto")
            count += 1
            values[name] = f"auto() number {count}" if is_counted else ast.unparse(value.node)
    return values


def _field_names(node: ast.ClassDef) -> list[str]:
    return [one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]


def _fields(before: Found, after: Found, old: list[str], new: list[str]) -> Iterator[Advice]:
    if old == new:
        return
    at = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
    what = f"had {len(old)} fields and has {len(new)} now"
    if at is not None:
        what = f"{what}; number {at + 1} was {old[at]!r} and is {new[at]!r}"
    yield said_of(before, after, "fields", WARNING, what, _WHO_UNPACKS, _ADD_LAST)


def _named_tuple(found: Found, version: Version) -> list[str]:
    call = found.node
    if not isinstance(call, ast.Call) or version.dotted(found.text, call.func) != "collections.namedtuple":
        return []
    try:
        names = ast.literal_eval(call.args[1])
    except (ValueError, TypeError, SyntaxError, IndexError):
        return []
    return names.replace(",", " ").split() if isinstance(names, str) else [*map(str, names)]


def _dataclass_parameters(node: ast.ClassDef) -> Parameters:
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    calls = [one for one in node.decorator_list if isinstance(one, ast.Call)]
    by_name = any(one.arg == "kw_only" for call in calls for one in call.keywords)
    given = [one for one in fields if "ClassVar" not in ast.unparse(one.annotation) and not _is_left_out(one.value)]
    names = [one.target.id for one in given if isinstance(one.target, ast.Name)]
    defaults = {name: one.value for name, one in zip(names, given, strict=True) if one.value is not None}
    return Parameters([] if by_name or _says_keywords(fields) else names, defaults)


def _is_left_out(value: ast.expr | None) -> bool:
    """Tell whether a field is not given to the constructor, or by keyword only."""
    given = {one.arg: ast.unparse(one.value) for one in value.keywords} if isinstance(value, ast.Call) else {}
    return given.get("init") == "False" or given.get("kw_only") == "True"


def _says_keywords(fields: list[ast.AnnAssign]) -> bool:
    return any(ast.unparse(one.annotation).endswith("KW_ONLY") for one in fields)


def _ways_of_reading(before: Found, after: Found) -> Iterator[Advice]:
    for path, old in _members_of(before).items():
        new = _members_of(after).get(path)
        ways = None if new is None else (_way(old), _way(new))
        if new is not None and ways is not None and ways[0] != ways[1] and "" not in ways and old.is_public:
            what = f"was {ways[0]} and is {ways[1]} now"
            yield said_of(old, new, "attribute", WARNING, what, _WHO_CALLS, _NEW_NAME)


def _members_of(found: Found) -> dict[str, Found]:
    inside = f"{found.path}."
    tables = {**found.text.functions, **found.text.values}
    return {path: one for path, one in tables.items() if path.startswith(inside) and "." not in path[len(inside) :]}


def _way(found: Found) -> str:
    """Return how an attribute is used; empty if that is not known."""
    if not isinstance(found.node, Function):
        is_value = isinstance(found.node, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.JoinedStr)
        return "an attribute that is read" if is_value else ""
    names = decorator_names(found.node)
    if not _READ_AS_ATTRIBUTE.isdisjoint(names):
        return "an attribute that is read"
    return "a method that is called" if {"staticmethod", "classmethod"}.issuperset(names) else ""
