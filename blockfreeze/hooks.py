"""What linked module bodies call while they run: how one identity is kept for each definition.

In the first generation of a block a hook hands back what it was given. In a later one a class whose shape allows it
becomes the class that was there before, a sentinel made by an unchanged statement stays the object it was, and a
variable that functions rebind with ``global`` keeps its value. Functions stay what they are until the generation is
complete; `seal` finds the entries that they serve.

Threads: a generation's hooks run in the thread that builds it.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from blockfreeze.asking import CACHE_TYPE, is_a
from blockfreeze.carry import can_be_carried, carry, kept_by_metaclass
from blockfreeze.classes import (
    adopt,
    assign_class_attribute,
    class_values,
    delete_class_attribute,
    generation_dictionary,
    watch_births,
)
from blockfreeze.enumerations import is_kept_member, set_on_member
from blockfreeze.lasting import lasting
from blockfreeze.methods import is_own
from blockfreeze.outline import FIRST_VERSION, outline_of
from blockfreeze.shapes import can_change, shape_difference
from blockfreeze.switch import ABSENT
from blockfreeze.variables import declare

if TYPE_CHECKING:
    from blockfreeze.generation import Block, Generation, Member

__all__ = ["Hooks", "as_it_is", "record_class", "seal"]

_MISSING = object()


class _Dictionary:
    """Something whose ``__dict__`` is a given one."""

    __slots__ = ("_given",)

    def __init__(self, given: Any) -> None:
        self._given = given

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self._given


def as_it_is(value: Any) -> Any:
    """Return `value`: what stands in the place of a decorator that did its work before."""
    return value


class Hooks:
    """The hooks of one member of one generation."""

    def __init__(self, generation: Generation, member: Member) -> None:
        self.block: Block = generation.block
        self.generation = generation
        self.member = member
        self.carried = ""  # the class that was carried over, if that is what was defined last
        self.first = member.name not in generation.compared

    def bind(self, value: Any, name: str) -> Any:
        """Return what the namespace is to hold under `name`, and put it into the cell that calls by name reach."""
        if is_a(value, type):
            if self.member.made(value):
                self.member.own_classes[id(value)] = value
            if not self.first:
                value = bind_class(self.generation, self.member, name, value)
        self.member.cells[name].cell_contents = value
        return value

    def define(self, function: Any, name: str) -> Any:
        """Remember a function as it is before its decorators are applied."""
        if is_a(function, FunctionType):
            self.member.raws[name] = function
        return function

    def build(self, name: str) -> Callable[..., Any]:
        """Return what the class statement of `name` is to call: Python's own builder, unless it is carried over."""
        self.carried = ""
        if not can_be_carried(self.generation, self.member, name):
            return builtins.__build_class__

        def carry_over(function: Any, written: str, /, *bases: Any, **named: Any) -> Any:
            cls = carry(self.generation, self.member, function, name, bases, named)
            if cls is None:
                return builtins.__build_class__(function, written, *bases, **named)
            self.carried = name
            return cls

        return carry_over

    def decorator(self, decorator: Any, name: str) -> Any:
        """Return what is to be called with the class `name`: its decorator, unless the class is carried over."""
        return as_it_is if self.carried == name else decorator

    def keep(self, value: Any, name: str) -> Any:
        """Return what the namespace is to hold under `name`: the object of the generation before, if it can stay."""
        if self.first:
            return value
        if is_a(value, type):
            return bind_class(self.generation, self.member, name, value)
        return lasting(self.generation, self.member, name, value)

    def assign(self, target: Any, name: str, value: Any, /) -> None:
        """Set an attribute of what may be a class: for this generation alone, if others have other values."""
        if is_a(target, type) and target in self.generation.class_values:
            assign_class_attribute(self.block, self.generation, target, name, value)
        elif is_kept_member(self.generation, target):
            set_on_member(self.generation, target, name, value)
        else:
            setattr(target, name, value)

    def unassign(self, target: Any, name: str, /) -> None:
        """Delete an attribute of what may be a class, in the same way."""
        if is_a(target, type) and target in self.generation.class_values:
            delete_class_attribute(self.block, self.generation, target, name)
        elif is_kept_member(self.generation, target):
            set_on_member(self.generation, target, name, ABSENT)
        else:
            delattr(target, name)

    def setter(self, name: str) -> Callable[..., Any]:
        """Return what `setattr` or `delattr` means in the module, with classes in mind if it is the built-in."""
        meant: Callable[..., Any] = self.member.namespace.get(name) or getattr(builtins, name)
        if meant is setattr:
            return self.assign
        return self.unassign if meant is delattr else meant

    def dictionary(self, target: Any) -> Any:
        """Return ``target.__dict__``; of a class that has other attributes in another generation, this one's."""
        found = target.__dict__
        if is_a(target, type) and target in self.generation.class_values:
            return generation_dictionary(self.generation, target)
        return found

    def variables(self, target: Any) -> Any:
        """Return what `vars` is to be asked for instead of `target`, for the same reason."""
        if is_a(target, type) and target in self.generation.class_values:
            return _Dictionary(generation_dictionary(self.generation, target))
        return target

    def at_fork(self, target: Any) -> Any:
        """Return ``target.register_at_fork``; that of `os` is told once of what a body of each version registers.

        Nothing can be taken back there, and a lock, which is one for all versions, cannot be acquired twice.
        """
        found: Any = target.register_at_fork
        own: Any = vars(os).get("register_at_fork")
        return partial(self._register_once, found) if found is own else found

    def _register_once(self, register: Callable[..., None], **calls: Any) -> None:
        # A function stands for the one that it will turn out to be: its entry runs what serves.
        named = {
            when: call.__qualname__ if is_a(call, FunctionType) and self.member.made(call) else call
            for when, call in calls.items()
        }
        told = self.member.name, named
        if told not in self.block.at_fork and told not in self.generation.at_fork:
            register(**calls)
            (self.block if self.generation.births is None else self.generation).at_fork.append(told)

    def star(self, module: Any) -> Any:
        """Return the module of a star import; what it has is not the block's own, though some of it calls itself so.

        The module may call itself so too: only the facades of the block are told apart by what they are.
        """
        if is_a(module, ModuleType) and all(module is not one for one in tuple(self.block.facades.values())):
            self.member.foreign.update((id(value), value) for value in vars(module).values() if callable(value))
        return module

    def refresh(self) -> None:
        """After a star import: point the cells at what the namespace holds now."""
        for name, cell in self.member.cells.items():
            if name in self.member.namespace:
                cell.cell_contents = self.member.namespace[name]

    def state(self, value: Any, name: str) -> None:
        """Keep the value that a state variable has; give it this one if no generation before had such a variable."""
        key, home = (self.member.name, name), self.member.home_of(self.block, name)
        live = self.block.variables.get(key)
        if live is not None and live.version != FIRST_VERSION and key not in self.generation.variables:
            declare(self.generation, self.member, name, lambda: value, FIRST_VERSION)
        if name not in home or (id(home), name) in self.generation.introduced:
            self.member.draft_of(self.block, name).pop(name, None)
            home[name] = value
            self.generation.introduced[id(home), name] = home
        else:
            self.generation.kept_state.add(f"{self.member.name}.{name}")
        self.member.namespace[name] = home[name]

    def load(self, name: str) -> Any:
        """Return a state variable as a global would be read.

        Raises:
            NameError: there is none, nor a built-in of that name.
        """
        draft = self.member.draft_of(self.block, name)
        try:
            value = draft[name]
        except KeyError:
            value = getattr(builtins, name, _MISSING)
        if value is _MISSING:
            raise NameError(f"name {name!r} is not defined", name=name)
        return value

    def unset(self, name: str) -> None:
        """Delete a state variable as a global would be deleted.

        Raises:
            NameError: there is none.
        """
        home, draft = self.member.home_of(self.block, name), self.member.draft_of(self.block, name)
        if name not in draft and name not in home:
            raise NameError(f"name {name!r} is not defined", name=name)
        for one in (draft, home):
            one.pop(name, None)
        for generation in tuple(self.block.generations.values()):
            member = generation.members.get(self.member.name)
            if member is not None and member.home_of(self.block, name) is home:
                member.namespace.pop(name, None)
        self.member.namespace.pop(name, None)


def bind_class(generation: Generation, member: Member, name: str, value: type) -> type:
    """Return the class that stands for `value` in `generation`: the one that was there before, if its shape allows."""
    block = generation.block
    key = member.name, name
    old = generation.before(member.name).classes.get(key)
    if old is None or old is value or not member.made(value) or value in generation.class_values:
        return value
    if not can_change(value):
        return value
    difference = shape_difference(old, value) or kept_by_metaclass(generation, member, name, value)
    if difference is not None:
        generation.replaced[f"{member.name}.{name}"] = difference
        return value
    adopt(block, generation, key, old, value)
    outline = outline_of(member.source)
    if outline is not None and name in outline.converted:
        # The body may make instances before it says what converts those made before.
        watch_births(block, old)
    return old


def seal(generation: Generation, member: Member) -> None:
    """After a body has run: find its entries and classes, and fill the cells from the namespace."""
    namespace = member.namespace
    for name, value in list(namespace.items()):
        definition = member.linkage.bound.get(name)
        if definition is not None and definition.kind == "import":
            continue
        at_home = member.made(value) or id(value) in member.own_classes
        if is_a(value, FunctionType) and (at_home or value.__globals__ is namespace):
            _find_entry(generation, member, name, value)
        elif is_a(value, type) and at_home and value not in generation.class_values and id(value) not in member.foreign:
            if definition is not None or value.__name__ == name:
                record_class(generation, (member.name, name), value)
    for name, raw in member.raws.items():
        if namespace.get(name) is not raw:
            _find_entry(generation, member, f"{name}@raw", raw)
    for name, cell in member.cells.items():
        if name in namespace:
            value = namespace[name]
            entry = generation.block.entry_of(value)
            cell.cell_contents = value if entry is None else generation.locals.get(entry, value)
    member.own_classes.clear()
    generation.caches += [value for value in namespace.values() if type(value) is CACHE_TYPE]
    member.finished = True


def _find_entry(generation: Generation, member: Member, path: str, function: FunctionType) -> None:
    """Let `function` serve the entry of its name; if there is none yet, it is the entry itself from now on."""
    block = generation.block
    taken = block.entry_of(function) is not None
    taken = taken or any(id(function) in one.made_again for one in generation.members.values())
    # An earlier version may have put its function into a module outside, from where this body has imported it.
    taken = taken or block.by_globals.get(id(function.__globals__), generation) is not generation
    if taken or not is_own(block, function):
        return
    entry = block.entries.get((member.name, path))
    if entry is None:
        raw = member.raws.get(path, function)
        block.add_entry(generation, member.name, path, function, wrapper=function is not raw)
    else:
        member.made_again[id(function)] = function, entry.function
        generation.locals[entry] = function


def record_class(generation: Generation, key: tuple[str, str], cls: type) -> None:
    """Remember the attributes with which a class was born, and those of the classes inside it."""
    if not can_change(cls):
        return
    generation.classes[key] = cls
    generation.class_values[cls] = class_values(cls)
    member, path = key
    for name, value in generation.class_values[cls].items():
        inside = is_a(value, type) and value.__module__ == cls.__module__
        if inside and value.__qualname__ == f"{cls.__qualname__}.{name}" and value not in generation.class_values:
            record_class(generation, (member, f"{path}.{name}"), value)
