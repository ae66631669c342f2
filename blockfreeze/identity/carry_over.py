"""Carrying a class over: what tells others of itself when it is made is not made again if it has not changed.

A class statement can have an effect outside of the block: its metaclass, an ``__init_subclass__`` or a decorator of
somebody else's registers the class (models of an object-relational mapper, schemas, plug-ins). Where the skeleton of
the statement is what it was (`outline`), a new generation executes the body alone, takes from it the methods, which
are linked to the new generation, and leaves the class, its metaclass and its decorators in peace. Everything else that
the class has stays what it is, set at run time or not.

Likewise a registration is made once: a decorator above ``@entry`` is not applied again, if it said the same before.

A class that the block itself is told of (a registry of the block must come out as after a cold start), or one of which
a method cannot be found again on the class, is made anew, as any other.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a, own_attribute
from blockfreeze.identity.adopt import adopt, version_class
from blockfreeze.identity.class_attributes import METADATA, class_values
from blockfreeze.identity.layout import is_made_in_c, shape_difference
from blockfreeze.identity.methods import is_own, method_function
from blockfreeze.identity.versioned_attribute import VersionedAttribute
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.versions.agreement import skeletons_agree
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import Outline, Skeleton, outline_of

_NOT_TOLD = frozenset({"typing.final", "typing_extensions.final", "functools.total_ordering"})

_MADE_BY_THE_STATEMENT = frozenset({"__module__", "__qualname__", "__classcell__", "__classdictcell__"})


def can_be_carried(generation: Generation, member: Member, name: str) -> bool:
    """Tell whether the class `name`, whose statement is about to run, tells others of itself, and has not changed."""
    block, current = generation.block, generation.before(member.name)
    before = current.members.get(member.name)
    old = current.classes.named.get((member.name, name))
    if old is None or old not in current.classes.values or before is None:
        return False
    standing: object = before.meaning(name)
    if standing is not old:
        return False
    was, now = outline_of(before.source), outline_of(member.source)
    if was is None or now is None or name not in was.classes or name not in now.classes:
        return False
    if not was.classes[name].methods <= old.__dict__.keys():
        return False  # the metaclass has put one elsewhere, where it would stay the old generation's
    decorators = [now.imports.get(one, f"{member.name}.{one}") for one in now.classes[name].decorators]
    if not _tells_others_alone(block, old, decorators):
        return False
    for read in now.classes[name].skeleton.reads:
        value = before.meaning(read)
        if is_a(value, type) and member.namespace.get(read, value) is not value:
            return False  # a class that the statement reads has become a second one
    if type(old).__setattr__ is not type.__setattr__ and not _agree(
        generation, member.name, name, Outline.assigned_later_to
    ):
        return False  # its metaclass takes part when an attribute is set, and what was set cannot be set once more
    return _agree(generation, member.name, name, Outline.skeleton_of)


def _agree(generation: Generation, module: str, name: str, part: Callable[[Outline, str], Skeleton | None]) -> bool:
    members = generation.before(module).members

    def stays(there: str, name: str) -> bool:
        now, was = generation.members.get(there), members.get(there)
        meant = ABSENT if was is None else was.meaning(name)
        return now is not None and meant is not ABSENT and now.namespace.get(name) is meant

    return skeletons_agree(
        lambda one: members[one].source if one in members else None,
        generation.snapshot.modules.get,
        module,
        name,
        generation.block.covers,
        part,
        stays,
    )


def registrations_made_before(generation: Generation, source: ModuleSource) -> frozenset[str]:
    """Return the functions of a module whose decorators above ``@entry`` are not to be applied again.

    Their result was the function itself, they say the same as before, and their objects are the same as before: what
    they told of the function still holds it, and it is the entry.
    """
    before, outline = generation.before(source.name).members.get(source.name), outline_of(source)
    if before is None or outline is None:
        return frozenset()
    return frozenset(
        name
        for name, registration in outline.registrations.items()
        if _is_the_entry(generation.block, before, name)
        and all(_stays(generation, source.name, root, before.meaning(root)) for root in registration.roots)
        and _agree(generation, source.name, name, Outline.registration_of)
    )


def _is_the_entry(block: Block, before: Member, name: str) -> bool:
    entry = block.entries.get((before.name, name))
    return entry is not None and not entry.wrapper and before.meaning(name) is entry.function


def _stays(generation: Generation, module: str, name: str, value: object) -> bool:
    """Tell whether `name` will mean `value` in the new version of a module: from outside, or a variable by `defvar`."""
    source = generation.snapshot.modules.get(module)
    outline = None if source is None else outline_of(source)
    if outline is None or not name:
        return False
    if name not in outline.imports:
        return name in outline.variables
    parent, _, attribute = outline.imports[name].rpartition(".")
    if generation.block.covers(outline.imports[name]):
        return _stays(generation, parent, attribute, value)
    there = vars(sys.modules[parent]).get(attribute) if parent in sys.modules else None
    return value is not None and (there is value or sys.modules.get(outline.imports[name]) is value)


def _tells_others_alone(block: Block, cls: type, decorators: list[str]) -> bool:
    """Tell whether something outside of the block, and nothing inside, is told when `cls` is made."""
    if not decorators and is_made_in_c(type(cls)):
        return True
    tells = [type(cls).__module__] if type(cls) is not type else []
    tells += [base.__module__ for base in cls.__mro__[1:-1] if "__init_subclass__" in base.__dict__]
    tells += [one for one in decorators if one not in _NOT_TOLD]
    foreign = [one for one in tells if one.partition(".")[0] not in sys.stdlib_module_names]
    # A decorator of the standard library (dataclass) makes functions for the class's own module: they are made anew.
    at_home = any(block.covers(one) for one in tells)
    return bool(foreign) and not at_home and not any(one for one in decorators if one not in (*foreign, *_NOT_TOLD))


def metaclass_objection(generation: Generation, member: Member, name: str, cls: type) -> str | None:
    """Return why `cls`, whose statement has changed, cannot stand for the class of before; None if it can.

    What a metaclass of somebody else's keeps on its classes, it reads in ways of its own, past what could switch.
    """
    if is_made_in_c(type(cls)) and type(cls).__setattr__ != type.__setattr__:
        return f"its statement has changed, and its metaclass {type(cls).__name__} sets attributes in its own way"
    outline = outline_of(member.source)
    foreign = is_made_in_c(type(cls)) or is_foreign(generation.block, type(cls).__module__)
    if outline is None or name not in outline.classes or not foreign:
        return None
    extra = class_values(cls).keys() - outline.classes[name].names - METADATA - {"__doc__", "__qualname__", "__slots__"}
    if not extra:
        return None
    return f"its statement has changed, and its metaclass {type(cls).__name__} keeps {min(extra)} on it"


def is_foreign(block: Block, module: str) -> bool:
    """Tell whether a module is somebody else's: neither the block's own nor of the standard library."""
    return module.partition(".")[0] not in sys.stdlib_module_names and not block.covers(module)


def carry_over(
    generation: Generation, member: Member, function: FunctionType, name: str, bases: tuple[Any, ...], named: Any
) -> type | None:
    """Execute the body of a class that is carried over, and link what it defines to `generation`.

    Returns:
        the class as it was before; None if it has to be made anew after all.
    """
    block, current = generation.block, generation.before(member.name)
    key = member.name, name
    old = current.classes.named[key]
    if (types.resolve_bases(bases) or (object,)) != old.__bases__ or named.get("metaclass", type(old)) is not type(old):
        return None
    keywords = {word: value for word, value in named.items() if word != "metaclass"}
    made: Any = type(old).__prepare__(name, old.__bases__, **keywords)
    exec(function.__code__, function.__globals__, made, closure=function.__closure__)
    linked = _relinked(generation, key, old, made)
    if linked is None:
        return None
    values, names = linked
    for cell, content in (("__classcell__", old), ("__classdictcell__", made)):
        if cell in made:
            made[cell].cell_contents = content
    generation.classes.named[key] = old
    generation.classes.values[old] = values
    before = current.classes.carried.get(old)
    generation.classes.carried[old] = (before[0] if before else current.number, names)
    for method in names:
        entry = block.entries.get((member.name, f"{name}.{method}"))
        if entry is not None and is_a(method_function(values.get(method)), FunctionType):
            generation.locals[entry] = method_function(values[method])
    version_class(block, current, generation, old, built=True)
    return old


def _relinked(
    generation: Generation, key: tuple[str, str], old: type, made: dict[str, Any]
) -> tuple[dict[str, Any], frozenset[str]] | None:
    """Return the attributes that `old` has in `generation`, and the names of those that come from the body."""
    current = generation.before(key[0])
    before, after = outline_of(current.members[key[0]].source), outline_of(generation.members[key[0]].source)
    assert before is not None
    assert after is not None
    methods = before.classes[key[1]].methods
    values = {
        name: value.outward.get(current, value.default) if is_a(value, VersionedAttribute) else value
        for name, value in class_values(old).items()
    }
    values = {name: value for name, value in values.items() if value is not ABSENT}
    names: set[str] = set()
    nested: list[tuple[str, type, type]] = []
    for name, value in made.items():
        existing = values.get(name, ABSENT)
        if name in _MADE_BY_THE_STATEMENT:
            continue
        if name in ("__doc__", "__firstlineno__"):
            values[name] = value
            names.add("__doc__")
        elif is_a(value, type) and value.__module__ == key[0]:
            if is_a(existing, type):
                if shape_difference(existing, value) is not None:
                    return None
                nested.append((name, existing, value))
        elif _has_function(generation, value):
            if existing is not ABSENT:
                # The metaclass may have taken it out of what a decorator had wrapped it in.
                alike = {id(one): one for one in _parts(value) if type(one) is type(existing)}
                if len(alike) != 1:
                    return None
                values[name] = alike.popitem()[1]
            elif name in after.classes[key[1]].methods:
                values[name] = value
            else:
                continue  # who was told of the class has taken it, as the description of a field, and has it still
            names.add(name)
    for name in methods - made.keys():
        if is_own(generation.block, method_function(values.get(name))) or is_a(values.get(name), property):
            del values[name]
            names.add(name)
    for name in names & values.keys():
        if not is_a(values[name], FunctionType) and hasattr(type(values[name]), "__set_name__"):
            values[name].__set_name__(old, name)
    for name, existing, value in nested:
        if (key[0], f"{key[1]}.{name}") in current.classes.named:
            adopt(generation.block, generation, (key[0], f"{key[1]}.{name}"), existing, value)
    return values, frozenset(names)


def _has_function(generation: Generation, value: Any) -> bool:
    by_globals = generation.block.by_globals
    functions = [one for one in _parts(value) if is_a(one, FunctionType)]
    return any(by_globals.get(id(one.__globals__)) is generation for one in functions)


def _parts(value: Any, depth: int = 2) -> Iterator[Any]:
    """Yield an attribute of a class body, and what decorators have wrapped in it."""
    yield value
    if depth and not is_a(value, (FunctionType, type)):
        inside = [own_attribute(value, name) for name in ("__func__", "__wrapped__", "fget", "fset", "fdel")]
        inside += dict(own_attribute(value, "__dict__", {})).values()
        slots = getattr(type(value), "__slots__", ())
        inside += [own_attribute(value, name) for name in ((slots,) if is_a(slots, str) else slots)]
        for one in inside:
            yield from _parts(one, depth - 1)
