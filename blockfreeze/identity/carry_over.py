"""Carrying a class over: a class that others register when it is made is not made once more if it has not changed.

A class statement can have an effect outside of the block: a foreign metaclass, ``__init_subclass__`` or decorator
registers the class (models of an object-relational mapper, schemas, plug-ins). Where the skeleton of the statement is
the same as before (`outline`), a new generation executes the body alone, and takes its methods, which are linked to the
new generation. Neither the metaclass nor a decorator is called; see `makers` for what they have made of methods. All
other attributes stay on the class, even those that were set at run time.

Likewise a registration is made once: decorators above ``@entry`` that have not changed are not applied once more.

Some classes are made by their statements as any other: those that the block itself registers, since its registries must
come out as after a cold start; and those where a method cannot be found on the class.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, is_a, module_of, own_attribute
from blockfreeze.dispatch.lazy_names import resolved
from blockfreeze.identity.adopt import adopt, version_class
from blockfreeze.identity.class_attributes import METADATA, class_values
from blockfreeze.identity.held_methods import keep_held_methods
from blockfreeze.identity.layout import is_made_in_c, shape_difference
from blockfreeze.identity.makers import MadeMethods, serve_wrappers
from blockfreeze.identity.methods import is_own, method_function
from blockfreeze.identity.versioned_attribute import outward_values
from blockfreeze.identity.wrapped_methods import wrapped_functions
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.versions.agreement import Part, skeletons_agree
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import ClassOutline, Outline, declaring_outline_of, outline_of

_REGISTER_NOTHING = frozenset({"typing.final", "typing_extensions.final", "functools.total_ordering"})
"""Decorators that only set attributes of the class."""

_MADE_BY_THE_STATEMENT = frozenset({"__module__", "__qualname__", "__classcell__", "__classdictcell__"})


def can_be_carried(generation: Generation, member: Member, name: str) -> bool:
    """Tell whether others register the class `name`, whose statement is about to run, and it has not changed."""
    current = generation.before(member.name)
    before = current.members.get(member.name)
    old = current.classes.named.get((member.name, name))
    if before is None or old is None or old not in current.classes.values or before.meaning(name) is not old:
        return False
    was, now = _class_outline(before, name), _class_outline(member, name)
    if was is None or now is None:
        return False
    if not was.methods <= old.__dict__.keys():
        return False  # the metaclass has put one elsewhere, where it could not be replaced
    if not _only_others_make(generation.block, old, _decorators(member, now)):
        return False
    if MadeMethods(current, (member.name, name), old, was).kept(now) is None:
        return False
    for read in now.skeleton.reads:
        value = before.meaning(read)
        if is_a(value, type) and _other_meaning(member, read, value):
            return False  # a class that the statement reads has become a second one
    if type(old).__setattr__ is not type.__setattr__ and not _agree(
        generation, member.name, name, Outline.assigned_later_to
    ):
        return False  # its metaclass takes part when an attribute is set, and what was set cannot be set once more
    return _agree(generation, member.name, name, Outline.skeleton_of)


def _other_meaning(member: Member, name: str, value: object) -> bool:
    return all(resolved(member.namespace, name) is not one for one in (ABSENT, value))


def _class_outline(member: Member, name: str) -> ClassOutline | None:
    outline = outline_of(member.source)
    return None if outline is None else outline.classes.get(name)


def _decorators(member: Member, statement: ClassOutline) -> list[str]:
    """Return what the decorators of a class statement begin with, with the modules from which they are imported."""
    outline = outline_of(member.source)
    imports = {} if outline is None else outline.imports
    return [imports.get(one, f"{member.name}.{one}") for one in statement.decorators]


def _agree(generation: Generation, module: str, name: str, part: Part) -> bool:
    members = generation.before(module).members

    def means_the_same(module: str, name: str) -> bool:
        now, was = generation.members.get(module), members.get(module)
        meant = ABSENT if was is None else was.meaning(name)
        return now is not None and meant is not ABSENT and now.namespace.get(name) is meant

    return skeletons_agree(
        lambda one: members[one].source if one in members else None,
        generation.snapshot.modules.get,
        module,
        name,
        generation.block.covers,
        part,
        means_the_same,
    )


def registrations_made_before(generation: Generation, source: ModuleSource) -> frozenset[str]:
    """Return the functions of a module whose decorators above ``@entry`` are not to be applied once more.

    They returned the function itself, and have not changed, nor have the objects that they are called on. So whatever
    they registered the function with still holds it, and it is the entry.
    """
    before, outline = generation.before(source.name).members.get(source.name), declaring_outline_of(source)
    if before is None or outline is None:
        return frozenset()
    return frozenset(
        name
        for name, registration in outline.registrations.items()
        if _is_the_entry(generation.block, before, name)
        and all(_will_mean(generation, source.name, root, before.meaning(root)) for root in registration.roots)
        and _agree(generation, source.name, name, Outline.registration_of)
    )


def _is_the_entry(block: Block, before: Member, name: str) -> bool:
    entry = block.entries.get((before.name, name))
    return entry is not None and not entry.wrapper and before.meaning(name) is entry.function


def _will_mean(generation: Generation, module: str, name: str, value: object) -> bool:
    """Tell whether `name` will mean `value` in the new version of a module: by an import, or as a declared variable."""
    source = generation.snapshot.modules.get(module)
    outline = None if source is None else outline_of(source)
    if outline is None or not name:
        return False
    if name not in outline.imports:
        return name in outline.variables
    parent, _, attribute = outline.imports[name].rpartition(".")
    if generation.block.covers(outline.imports[name]):
        return _will_mean(generation, parent, attribute, value)
    there = vars(sys.modules[parent]).get(attribute) if parent in sys.modules else None
    return value is not None and (there is value or sys.modules.get(outline.imports[name]) is value)


def makers_of(cls: type) -> list[str]:
    """Return the modules whose code makes `cls`: that of its metaclass, and of each ``__init_subclass__``."""
    bases = [base for base in cls.__mro__[1:] if "__init_subclass__" in base.__dict__]
    return [name for one in (type(cls), *bases) if (name := module_of(one))]


def _only_others_make(block: Block, cls: type, decorators: list[str]) -> bool:
    """Tell whether code outside of the block, and none inside, makes `cls`, and so may register it."""
    if not decorators and is_made_in_c(type(cls)):
        return True
    decorators = [one for one in decorators if one not in _REGISTER_NOTHING]
    makers = [*makers_of(cls), *decorators]
    if any(map(block.covers, makers)) or not any(map(block.is_foreign, makers)):
        return False
    # A decorator of the standard library (dataclass) makes functions, which have to be those of the new generation.
    return all(map(block.is_foreign, decorators))


def metaclass_objection(generation: Generation, member: Member, name: str, cls: type) -> str | None:
    """Return why the class of before cannot adopt the attributes of `cls`, whose statement has changed; None if it can.

    A foreign metaclass reads what it has put on its classes in ways of its own, past a `VersionedAttribute`.
    """
    metaclass = type(cls)
    if is_made_in_c(metaclass) and metaclass.__setattr__ != type.__setattr__:
        return f"its statement has changed, and its metaclass {metaclass.__name__} sets attributes in its own way"
    statement = _class_outline(member, name)
    if statement is None or not (is_made_in_c(metaclass) or generation.block.is_foreign(module_of(metaclass))):
        return None
    extra = class_values(cls).keys() - statement.names - METADATA - {"__doc__", "__qualname__", "__slots__"}
    if not extra:
        return None
    return f"its statement has changed, and its metaclass {metaclass.__name__} keeps {min(extra)} on it"


def carry_over(
    generation: Generation, member: Member, function: FunctionType, name: str, bases: tuple[Any, ...], named: Any
) -> type | None:
    """Execute the body of a class that is carried over, and link what it defines to `generation`.

    Returns:
        the existing class; None if its statement has to make it after all.
    """
    block, current, key = generation.block, generation.before(member.name), (member.name, name)
    old = current.classes.named[key]
    if (types.resolve_bases(bases) or (object,)) != old.__bases__ or named.get("metaclass", type(old)) is not type(old):
        return None
    keywords = {word: value for word, value in named.items() if word != "metaclass"}
    body: Any = type(old).__prepare__(name, old.__bases__, **keywords)
    exec(function.__code__, function.__globals__, body, closure=function.__closure__)
    relinked = _relinked(generation, key, old, body)
    if relinked is None:
        return None
    values, names = relinked
    for cell, content in (("__classcell__", old), ("__classdictcell__", body)):
        if cell in body:
            body[cell].cell_contents = content
    generation.classes.named[key] = old
    generation.classes.values[old] = values
    before = current.classes.carried.get(old)
    generation.classes.carried[old] = (before[0] if before else current.number, names)
    serve_wrappers(generation, key, values.keys() - names)
    for method in names:
        entry = block.entries.get((member.name, f"{name}.{method}"))
        if entry is not None and is_a(method_function(values.get(method)), FunctionType):
            generation.locals[entry] = method_function(values[method])
    version_class(current, generation, old, built=True)
    keep_held_methods(current, generation, [(key, old)])
    return old


def _relinked(
    generation: Generation, key: tuple[str, str], old: type, body: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str]] | None:
    """Return the attributes that `old` has in `generation`, and the names of those that are its own.

    Args:
        body: what the body of the class statement has bound.
    """
    module, path = key
    current = generation.before(module)
    before = _class_outline(current.members[module], path)
    after = _class_outline(generation.members[module], path)
    assert before is not None
    assert after is not None
    values = outward_values(class_values(old), current)
    made = MadeMethods(current, key, old, before)
    kept = made.kept(after)
    if kept is None:
        return None
    kept |= {name for name in before.methods - before.plain & body.keys() if made.wraps(generation, name, body[name])}
    if (kept and before.headers != after.headers) or not all(made.serve(generation, one, body[one]) for one in kept):
        return None
    linked = _linked_anew(generation, path, {k: v for k, v in body.items() if k not in kept}, values, after.methods)
    inner = _inner_classes(module, body, values)
    if linked is None or any(shape_difference(values[name], value) is not None for name, value in inner.items()):
        return None
    values.update(linked)
    names = {"__doc__" if name == "__firstlineno__" else name for name in linked}
    for name in before.methods - body.keys():
        if is_own(generation.block, method_function(values.get(name))) or is_a(values.get(name), property):
            del values[name]
            names.add(name)
    for name in names & values.keys():
        if not is_a(values[name], FunctionType) and hasattr(type(values[name]), "__set_name__"):
            values[name].__set_name__(old, name)
    for name, value in inner.items():
        if (module, f"{path}.{name}") in current.classes.named:
            adopt(generation, (module, f"{path}.{name}"), values[name], value)
    return values, frozenset(names)


def _inner_classes(module: str, body: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, type]:
    """Return the classes that the body of a class defines under the names of classes that it has already."""
    classes = {name: value for name, value in body.items() if is_a(value, type) and is_a(values.get(name), type)}
    return {name: cls for name, cls in classes.items() if cls.__module__ == module}


def _linked_anew(
    generation: Generation, path: str, body: Mapping[str, Any], values: Mapping[str, Any], methods: Collection[str]
) -> dict[str, Any] | None:
    """Return what of the body of a class replaces what the class has; None if one cannot be found on the class."""
    linked: dict[str, Any] = {}
    for name, value in body.items():
        if name in ("__doc__", "__firstlineno__"):
            linked[name] = value
        elif name in _MADE_BY_THE_STATEMENT or not _has_function(generation, path, value):
            continue  # the class has it already
        elif name in values:
            # Of what decorators have wrapped, the metaclass may have left one part on the class.
            alike = {id(one): one for one in _parts(value) if type(one) is type(values[name])}
            if len(alike) != 1:
                return None
            linked[name] = alike.popitem()[1]
        elif name in methods:
            linked[name] = value
        # Whoever has registered the class has taken any other function off, as the description of a field.
    return linked


def _has_function(generation: Generation, path: str, value: Any) -> bool:
    by_globals = generation.block.by_globals
    functions = [one for one in _parts(value) if is_a(one, FunctionType)]
    own = any(by_globals.get(id(one.__globals__)) is generation for one in functions)
    return own or bool(wrapped_functions(generation, path, value))


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
