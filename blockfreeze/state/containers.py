"""What a generation's modules and classes hold that changes while it runs, and how much is in each.

That is looked for in the names of modules, in the attributes of classes, and one step further in: in the attributes of
objects, in tuples and chained maps, in what built-in methods are bound to, in default values, and in what functions
that the body has made by calls keep in their closures. What is found there is measured by one number, so that it can be
told later whether it is as the body has left it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection, Iterator
from types import BuiltinMethodType, FunctionType, MethodWrapperType, ModuleType
from typing import Any

from blockfreeze.core.filling import Filling, dispatches, filling
from blockfreeze.core.safe_access import ABSENT, ATOMS, FROZEN, HEAP_TYPE, cell_content, makes_proxies, own_attribute
from blockfreeze.identity.contents import CONTAINERS, Dispatch, record
from blockfreeze.identity.layout import own_slots
from blockfreeze.identity.methods import method_function
from blockfreeze.identity.versioned_attribute import outward_value
from blockfreeze.model.block import Generation, Member
from blockfreeze.model.records import ContentsRecord

_NEVER_FILLED = frozenset({str, bytes, float, complex, type, ModuleType, property})
"""Types whose instances can only be replaced; what is of a sub-class of one may have attributes."""

_NO_PARTS = (*ATOMS, type, ModuleType)
"""Types whose instances are not looked into, nor those of their sub-classes; nor are proxies."""


def fillings(
    generation: Generation, of: Collection[str] | None = None, known: Collection[tuple[str, str]] | None = None
) -> Iterator[tuple[tuple[str, str], Filling]]:
    """Yield what the modules and classes of a generation hold that may be filled, by member and path.

    Args:
        of: the members that count; all if None.
        known: where alone what can only be replaced counts: a function, a text; everywhere if None.
    """
    slots = _Slots()
    for member in [one for name, one in generation.members.items() if of is None or name in of]:
        yield from (((member.name, path), found) for path, found in _in_module(generation, member, slots))
    names = None if known is None else {path.rpartition(".")[2] for _, path in known}
    for (module, path), cls in list(generation.classes.named.items()):
        if of is not None and module not in of:
            continue
        attributes, copies = cls.__dict__.copy(), generation.classes.copies.get(cls, {})
        for name in list(generation.classes.values.get(cls, ())):
            if name[:1] == name[-1:] == "_":
                continue  # marked
            live = attributes.get(name, ABSENT)
            value = generation.own_value(live if type(live) is FunctionType else outward_value(live, generation))
            if name in copies:  # what the class has now is a forwarder, with other parameters
                value = copies[name]
            value = method_function(value)
            replaced_only = _has_nothing_inside(value)
            if value is ABSENT or (replaced_only and names is not None and name not in names):
                continue
            key = module, f"{path}.{name}"
            if key in generation.variables:
                continue
            if not replaced_only:
                for inner, found in _within(key[1], value, _inner_filling, slots):
                    yield (module, inner), found
            elif known is None or key in known:
                yield key, Filling(value, 1, "set")


def record_contents(generation: Generation, of: Collection[str] | None = None) -> None:
    """Record what modules and classes of a generation hold, as their bodies have left it, and how much it is.

    Args:
        of: the members that count; all if None.
    """
    sizes, contents, before = generation.report.sizes, generation.contents, generation.block.current
    was = ContentsRecord() if before is generation else before.contents
    known = before.report.sizes if before is not generation else {}
    roots: list[Any] = []
    for key, found in fillings(generation, of, ()):
        roots.append(found.value)
        if type(found.value) in CONTAINERS:
            contents.places.setdefault(key, found.value)
        elif dispatches(found.value):
            contents.places.setdefault(key, Dispatch(found.value))
        # Of what can only be replaced it is enough to know where there was nothing.
        if found.unit != "set" or not found.size:
            held = was.left.get(id(found.value))
            kept = held is not None and held.is_of(found.value) and key in known
            sizes.setdefault(key, known[key] if kept else found.size)
    kinds = generation.classes.values
    for name, member in list(generation.members.items()):
        if of is None or name in of:
            roots += [value for value in list(member.namespace.values()) if type(value) in kinds]
    for values in list(kinds.values()):
        roots += [value for value in list(values.values()) if type(value) in kinds]
    record(contents.left, was.left, roots, kinds)
    for key, cls in list(generation.classes.named.items()):
        if of is None or key[0] in of:
            values = generation.classes.values.get(cls, {})
            contents.of_classes.setdefault(
                key,
                {
                    name: value if issubclass(type(value), ATOMS) else ABSENT
                    for name, value in list(values.items())
                    if not is_marked(name)
                },
            )


def _in_module(generation: Generation, member: Member, slots: _Slots) -> Iterator[tuple[str, Filling]]:
    bound, state = member.linkage.bound, member.linkage.state
    for name, meant in list(member.namespace.items()):
        value = generation.own_value(meant) if type(meant) is FunctionType else meant
        if _has_nothing_inside(value) or is_marked(name) or name in state:
            continue
        definition = bound.get(name)
        if definition is not None and definition.kind == "import":
            continue
        if (member.name, name) not in generation.variables:
            yield from _within(name, value, filling, slots)


def is_marked(name: str) -> bool:
    """Tell whether a name is one that Python, or the class `enum.Enum`, keeps for itself."""
    return name.startswith("_") and name.endswith("_")


def _within(
    path: str, value: Any, measure: Callable[[Any], Filling | None], slots: _Slots
) -> Iterator[tuple[str, Filling]]:
    """Yield what may be filled in a value: the value itself, or its parts."""
    found = measure(value)
    if found is not None:
        yield path, found
    if found is None or found.unit == "set" or type(value) is tuple:
        for name, part in _parts(value, slots):
            yield f"{path}.{name}", _inner_filling(part)


def _has_nothing_inside(value: Any) -> bool:
    """Tell of most values, by their exact types, that they can only be replaced."""
    kind = type(value)
    if kind is FunctionType:
        return not value.__defaults__ and not value.__kwdefaults__ and "<locals>" not in value.__code__.co_qualname
    return kind in _NEVER_FILLED or issubclass(kind, type)


class _Slots(dict[type, list[str] | None]):
    """The names of the slots that instances of each class have, found once for each; None if nothing is looked into."""

    def __missing__(self, kind: type) -> list[str] | None:
        names: list[str] | None = None
        if not issubclass(kind, _NO_PARTS) and not makes_proxies(kind):
            names = [name for cls in kind.__mro__ if cls.__flags__ & HEAP_TYPE for name in own_slots(cls)]
        self[kind] = names
        return names


def _parts(value: Any, slots: _Slots) -> list[tuple[str, Any]]:
    if type(value) is tuple:
        return [(str(at), part) for at, part in enumerate(value) if filling(part) is not None]
    if type(value) is ChainMap:
        return [(f"maps[{at}]", part) for at, part in enumerate(list(value.maps)) if filling(part) is not None]
    if type(value) in (BuiltinMethodType, MethodWrapperType):
        return [("__self__", value.__self__)] if filling(value.__self__) is not None else []
    names = slots[type(value)]
    if names is None:
        return []
    if type(value) is FunctionType:
        return _parts_of_function(value)
    own = own_attribute(value, "__dict__")
    found: dict[str, Any] = own.copy() if type(own) is dict else {}
    found.update((name, own_attribute(value, name)) for name in names)
    return [(name, part) for name, part in found.items() if not is_marked(name)]


def _parts_of_function(function: FunctionType) -> list[tuple[str, Any]]:
    """Return the default values that can be filled; of what a call has made also what it keeps in its closure."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][-len(defaults) :] if defaults else ()
    given = {**dict(zip(names, defaults, strict=False)), **(function.__kwdefaults__ or {})}
    found = [(name, part) for name, part in given.items() if filling(part) is not None]
    if "<locals>" in code.co_qualname:
        cells = zip(code.co_freevars, function.__closure__ or (), strict=False)
        found += [(name, cell_content(cell)) for name, cell in cells if "." not in name]  # our own have a dot
    return found


def _inner_filling(value: Any) -> Filling:
    """Measure an attribute: beside what can be filled, also what can only be replaced, such as a number."""
    kind = type(value)
    if issubclass(kind, int):
        return Filling(value, int.__index__(value), "")
    for fixed in FROZEN if issubclass(kind, FROZEN) else ():
        if issubclass(kind, fixed):
            return Filling(value, fixed.__len__(value))
    return filling(value) or Filling(value, int(value is not None), "set")
