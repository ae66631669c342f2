"""What a body has defined, recorded in its generation: entries, classes, cells."""

from __future__ import annotations

from types import FunctionType

from blockfreeze.core.safe_access import CACHE_TYPE, compiles_bytecode, is_a
from blockfreeze.identity.adopt import adopt, watch_construction
from blockfreeze.identity.carry_over import metaclass_objection
from blockfreeze.identity.class_attributes import class_values
from blockfreeze.identity.layout import can_change, shape_difference
from blockfreeze.identity.methods import is_own, method_function
from blockfreeze.identity.wrapped_methods import wrapped_functions
from blockfreeze.model.block import Generation, Member
from blockfreeze.model.entry import undecorated
from blockfreeze.versions.outline import declaring_outline_of


def bind_class(generation: Generation, member: Member, name: str, value: type) -> type:
    """Return the class that stands for `value` in `generation`: the one that was there before, if its shape allows."""
    block = generation.block
    key = member.name, name
    old = generation.before(member.name).classes.named.get(key)
    made = member.made(value) or id(value) in member.own_classes
    if old is None or old is value or not made or value in generation.classes.values:
        return value
    if not can_change(value):
        return value
    difference = shape_difference(old, value) or metaclass_objection(generation, member, name, value)
    if difference is not None:
        generation.report.replaced_classes[f"{member.name}.{name}"] = difference
        return value
    adopt(generation, key, old, value)
    outline = declaring_outline_of(member.source)
    if outline is not None and name in outline.converted:
        # The body may make instances before it says what converts those made before.
        watch_construction(block, old)
    return old


def is_renamed(member: Member, name: str, value: type) -> bool:
    """Tell whether a class is that of the module's statement, though a decorator lets it say that it is of another one.

    Packages do so with what they show under a name of their own.
    """
    definition = member.linkage.bound.get(name)
    if definition is None or definition.kind != "class" or value.__qualname__ != name:
        return False
    return definition.single or any(
        is_a(one, FunctionType) and one.__globals__ is member.namespace for one in list(value.__dict__.values())
    )


def seal(generation: Generation, member: Member) -> None:
    """After a body has run: find its entries and classes, and fill the cells from the namespace."""
    namespace = member.namespace
    for name, value in list(namespace.items()):
        if not is_a(value, FunctionType) and not is_a(value, type):
            continue
        definition = member.linkage.bound.get(name)
        if definition is not None and definition.kind == "import":
            continue
        at_home = member.made(value) or id(value) in member.own_classes
        if is_a(value, FunctionType):
            if at_home or value.__globals__ is namespace:
                _find_entry(generation, member, name, value)
        elif at_home and value not in generation.classes.values and id(value) not in member.foreign:
            if definition is not None or value.__name__ == name:
                record_class(generation, (member.name, name), value)
    _find_undecorated(generation, member)
    for name, cell in member.cells.items():
        if name in namespace:
            cell.cell_contents = generation.own_value(namespace[name])
    member.own_classes.clear()
    classes = [cls for (module, _), cls in list(generation.classes.named.items()) if module == member.name]
    tables = [namespace, *(generation.classes.values.get(cls, {}) for cls in classes)]
    generation.build.caches += [value for table in tables for value in table.values() if type(value) is CACHE_TYPE]
    before = generation.before(member.name).classes
    if member.name in before.given_outside and member.name not in generation.classes.of_modules:
        generation.classes.of_modules[member.name] = before.of_modules[member.name]
        generation.classes.given_outside.add(member.name)
    member.finished = True


def _find_undecorated(generation: Generation, member: Member) -> None:
    """Let functions serve entries as they were before their decorators, where these have made something else."""
    for name, raw in list(member.raws.items()):
        path, _, attribute = name.rpartition(".")
        if path and _is_method(generation, (member.name, path), attribute, raw):
            del member.raws[name]  # the class holds it
        elif path or (
            member.namespace.get(name) is not raw and not compiles_bytecode(type(member.namespace.get(name)))
        ):
            _find_entry(generation, member, undecorated(name), raw)


def _is_method(generation: Generation, key: tuple[str, str], name: str, raw: FunctionType) -> bool:
    """Tell whether a function of a class's body is what the class has under its name, or inside of that."""
    cls = generation.classes.named.get(key)
    value = None if cls is None else generation.classes.values.get(cls, {}).get(name)
    if method_function(value) is raw or compiles_bytecode(type(value)):
        return True
    return any(one is raw for one in wrapped_functions(generation, key[1], value).values())


def _find_entry(generation: Generation, member: Member, path: str, function: FunctionType) -> None:
    """Let `function` serve the entry of its name; if there is none yet, it is the entry itself from now on."""
    block = generation.block
    taken = block.entry_of(function) is not None
    taken = taken or any(id(function) in one.remade for one in generation.members.values())
    # An earlier version may have put its function into a module outside, from where this body has imported it.
    taken = taken or block.by_globals.get(id(function.__globals__), generation) is not generation
    if taken or not is_own(block, function):
        return
    entry = block.entries.get((member.name, path))
    if entry is None:
        raw = member.raws.get(path, function)
        block.add_entry(generation, member.name, path, function, wrapper=function is not raw)
    else:
        member.remade[id(function)] = function, entry.function
        generation.locals[entry] = function


def record_class(generation: Generation, key: tuple[str, str], cls: type) -> None:
    """Record the attributes that a class has when its body has run, and those of the classes inside it."""
    if not can_change(cls):
        return
    generation.classes.named[key] = cls
    generation.classes.values[cls] = class_values(cls)
    member, path = key
    for name, value in generation.classes.values[cls].items():
        inside = is_a(value, type) and value.__module__ == cls.__module__
        if inside and value.__qualname__ == f"{cls.__qualname__}.{name}" and value not in generation.classes.values:
            record_class(generation, (member, f"{path}.{name}"), value)
