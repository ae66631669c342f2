"""Instances that were made before: what they lack, or hold in another form than the new methods expect."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from blockfreeze.advice.attributes import ClassesOf, methods_of
from blockfreeze.advice.flow import first_argument
from blockfreeze.advice.forms import ANY, NONE, UNKNOWN, Forms, FormsOf, Scope
from blockfreeze.advice.held import Contents, differing, held_values, unpacked
from blockfreeze.advice.results import words
from blockfreeze.advice.texts import Found, Function, dotted_name, said_of
from blockfreeze.core.advice import NOTE, WARNING, Advice

_WHO = "instances made before, which code outside or kept state holds"
_WHO_READS = "instances made before: they go on with the methods of the version before, and what else reads it fails"
_WHO_STAYS = "instances made before: they go on with the methods of the version before, for as long as they are held"
_CONVERT = "convert them with a @converts function, or give the new form a name of its own and let methods accept both"
_DEFAULT = "give the class a default for it (then they get the new methods), or convert them with a @converts function"

_CONVERSIONS = frozenset(
    {"int", "float", "str", "bytes", "list", "tuple", "set", "frozenset", "dict", "Path", "Decimal", "timedelta"}
    | {"deque", "OrderedDict", "re.compile"}
)


def instance_advice(before: Found, after: Found, was: ClassesOf, now: ClassesOf) -> Iterator[Advice]:
    """Yield what instances of a class lack that the version before made, or hold in another form."""
    if before.said == after.said or after.path in after.text.outline.converted:
        return
    others = was.version.ancestors(before)[1] | now.version.ancestors(after)[1]
    is_passing = any(name.endswith(("Error", "Exception", "Warning", "type", "ABCMeta")) for name in others)
    if is_passing:  # an exception, which goes by, or a metaclass, whose instances are classes
        return
    old, new, own = was.whole(before), now.whole(after), now.of(after)
    lacking = sorted(own.assigned.keys() - old.assigned.keys() - new.class_has - was.assigned_below(before))
    if lacking and not old.is_dynamic and "__slots__" not in new.class_has:
        yield _lack(before, after, lacking, was, now)
    for name in sorted(own.assigned.keys() & was.of(before).assigned.keys()):
        yield from _other_form(before, after, name, was, now)
    sides = _contents(before, was), _contents(after, now)
    for name, why in differing(*sides, was.forms, now.forms):
        yield said_of(before, after, "instances", WARNING, f"its {name} {why}", _WHO, _CONVERT)


def _lack(before: Found, after: Found, names: list[str], was: ClassesOf, now: ClassesOf) -> Advice:
    """Return what to say of attributes that instances lack: whether anything else but their class reads them."""
    value, _ = now.of(after).assigned[names[0]][0]
    where = after.text.place(value) if value is not None else after.place
    readers = [(name, reader) for name in names for reader in _readers(after, name, was, now)]
    what = f"methods assign {', '.join(names[:5])}, which instances made before lack"
    if readers:
        what = f"{what}; {readers[0][1].name} reads {readers[0][0]}"
        return said_of(before, after, "instances", WARNING, what, _WHO_READS, _DEFAULT, where)
    return said_of(before, after, "instances", NOTE, what, _WHO_STAYS, _DEFAULT, where)


def _readers(cls: Found, name: str, was: ClassesOf, now: ClassesOf) -> Iterator[Found]:
    """Yield what is no method of the class and reads an attribute which no other class has."""
    if was.owners.get(name, set()) | now.owners.get(name, set()) <= {cls.name}:
        others = (one for one in now.readers.get(name, ()) if not one.name.startswith(f"{cls.name}."))
        yield from others


def _other_form(before: Found, after: Found, name: str, was: ClassesOf, now: ClassesOf) -> Iterator[Advice]:
    old, new = was.of(before).assigned[name], now.of(after).assigned[name]
    first, second = _forms(old, was.forms), _forms(new, now.forms)
    shown = next((value for value, _ in new if value is not None), None)
    place = after.place if shown is None else after.text.place(shown)
    if UNKNOWN not in first | second:
        pairs = [(one, other) for one in first for other in second]
        if pairs and not any(now.forms.fits(one, other) or was.forms.fits(other, one) for one, other in pairs):
            what = f"its attribute {name} was {words(first)}, and is {words(second)} now"
            yield said_of(before, after, "instances", WARNING, what, _WHO, _CONVERT, place)
        return
    wrapped = _wrapped(old, new)
    if wrapped:
        what = f"its attribute {name} was assigned {wrapped[0]}, and is assigned {wrapped[1]} now"
        yield said_of(before, after, "instances", NOTE, what, _WHO, _CONVERT, place)


def _forms(values: list[tuple[ast.expr | None, Found]], forms: FormsOf) -> Forms:
    found: Forms = frozenset()
    for value, function in values:
        assert isinstance(function.node, Function | ast.ClassDef)
        node = function.node if isinstance(function.node, Function) else None
        found |= ANY if value is None else forms.of(value, Scope(function.text, function.cls, node))
    return found - {NONE}


def _wrapped(
    old: list[tuple[ast.expr | None, Found]], new: list[tuple[ast.expr | None, Found]]
) -> tuple[str, str] | None:
    """Return what was assigned and what is, if that is the same in another form: a conversion, or another unit."""
    if len(old) != 1 or len(new) != 1 or old[0][0] is None or new[0][0] is None:
        return None
    if not all(_is_given(value, function) for (value, function), *_ in (old, new)):
        return None
    was, now = ast.unparse(old[0][0]), ast.unparse(new[0][0])
    made, outer = new[0][0], old[0][0]
    if isinstance(made, ast.Call) and dotted_name(made.func) in _CONVERSIONS:
        if len(made.args) == 1 and not made.keywords and ast.unparse(made.args[0]) == was:
            return was, now
    if _in_another_unit(made, was) or _in_another_unit(outer, now):
        return was, now
    return None


def _is_given(value: ast.expr | None, function: Found) -> bool:
    """Tell whether an expression is made of what the function is given, so that it means the same in two versions."""
    given = {one.arg for one in ast.walk(function.node) if isinstance(one, ast.arg)} | _CONVERSIONS
    return value is not None and all(one.id in given for one in ast.walk(value) if isinstance(one, ast.Name))


def _in_another_unit(node: ast.expr, inner: str) -> bool:
    """Tell whether an expression is another one, multiplied or divided by a constant."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
        return False
    return isinstance(node.right, ast.Constant) and ast.unparse(node.left) == inner


def _contents(cls: Found, classes: ClassesOf) -> Contents:
    """Return what the methods of a class put into the containers of an instance, and take out of them."""
    values: dict[str, Forms] = {}
    taken: dict[str, set[int]] = {}
    for method in methods_of(cls):
        assert isinstance(method.node, Function)
        start = f"{first_argument(method.node)}."
        for name, value in held_values(method.node):
            if name.startswith(start):
                found = classes.forms.of(value, Scope(method.text, method.cls, method.node))
                values[name[len(start) :]] = values.get(name[len(start) :], frozenset()) | found
        for name, count in unpacked(method.node):
            if name.startswith(start):
                taken.setdefault(name[len(start) :], set()).add(count)
    return values, taken
