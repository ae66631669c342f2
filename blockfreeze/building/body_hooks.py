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
from typing import Any

from blockfreeze.building.lazy_import import LazyImports
from blockfreeze.building.member_import import load_imported
from blockfreeze.building.recorded import bind_class, is_renamed
from blockfreeze.core.safe_access import ABSENT, is_a
from blockfreeze.dispatch.caller_view import as_caller_sees, skipped
from blockfreeze.dispatch.lazy_names import LAZY, resolved
from blockfreeze.identity.carry_over import can_be_carried, carry_over
from blockfreeze.identity.class_assignment import assign_class_attribute, delete_class_attribute
from blockfreeze.identity.class_attributes import dictionary_in, subclasses_in
from blockfreeze.identity.enums import is_preserved_member, set_on_member
from blockfreeze.identity.preserved import preserved, saved
from blockfreeze.identity.replaced_outside import note_replacement, original_of
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.variables import declare
from blockfreeze.versions.outline import FIRST_VERSION


class _Dictionary:
    """Something whose ``__dict__`` is a given one."""

    __slots__ = ("_given",)

    def __init__(self, given: Any) -> None:
        self._given = given

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return self._given


class Hooks:
    """The hooks of one member of one generation: a method for each row of `hook_table.HOOKS`."""

    caller = staticmethod(as_caller_sees)

    def __init__(self, generation: Generation, member: Member) -> None:
        self.block: Block = generation.block
        self.generation = generation
        self.member = member
        self.carried_name = ""  # the class that was carried over, if that is what was defined last
        self.first = member.name not in generation.compared
        self.lazies = LazyImports(generation, member)

    def bind(self, value: Any, name: str) -> Any:
        """Return what the namespace is to hold under `name`, and put it into the cell that calls by name reach."""
        if type(value) is LAZY:
            value = value.resolve()  # the process has come to import lazily since the module was linked
        if is_a(value, type):
            self.generation.build.refuse_if_abandoned()
            if self.member.made(value) or is_renamed(self.member, name, value):
                self.member.own_classes[id(value)] = value
            if not self.first:
                value = bind_class(self.generation, self.member, name, value)
        self.member.cells[name].cell_contents = value
        return value

    def define(self, function: Any, name: str) -> Any:
        """Remember a function as it is before its decorators are applied; a class's with its path."""
        if is_a(function, FunctionType):
            self.member.raws[name] = function
        return function

    def build(self, name: str) -> Callable[..., Any]:
        """Return what the class statement of `name` is to call: Python's own builder, unless it is carried over."""
        self.generation.build.refuse_if_abandoned()
        self.carried_name = ""
        if not can_be_carried(self.generation, self.member, name):
            return builtins.__build_class__

        def carry_over_or_build(function: Any, written: str, /, *bases: Any, **named: Any) -> Any:
            cls = carry_over(self.generation, self.member, function, name, bases, named)
            if cls is None:
                return builtins.__build_class__(function, written, *bases, **named)
            self.carried_name = name
            return cls

        return carry_over_or_build

    def decorator(self, decorator: Any, name: str) -> Any:
        """Return what is to be called with the class `name`: its decorator, unless the class is carried over."""
        return self.as_it_is if self.carried_name == name else decorator

    @staticmethod
    def as_it_is(value: Any) -> Any:
        """Return `value`: what stands in the place of a decorator that did its work before."""
        return value

    def preserve(self, value: Any, name: str) -> Any:
        """Return what the namespace is to hold under `name`: the object of the generation before, if it can stay."""
        if self.first:
            return value
        self.generation.build.refuse_if_abandoned()
        if is_a(value, type):
            return bind_class(self.generation, self.member, name, value)
        return preserved(self.generation, self.member, name, saved(self.generation, self.member, name, value))

    def assign(self, target: Any, name: str, value: Any, /) -> None:
        """Set an attribute of what may be a class: for this generation alone, if others have other values."""
        self.generation.build.refuse_if_abandoned()
        if is_a(target, type) and target in self.generation.classes.values:
            assign_class_attribute(self.block, self.generation, target, name, value)
        elif is_preserved_member(self.generation, target):
            set_on_member(self.generation, target, name, value)
        else:
            self.replace(target, name, value)
            setattr(target, name, value)

    def replace(self, target: Any, name: str, value: Any, /) -> None:
        """Note what the body is about to replace outside."""
        if not self.generation.phase.is_complete:
            note_replacement(self.block, target, name, value)

    def found(self, value: Any, name: str, target: Any) -> Any:
        """Return what the body is to find where it has read `value`."""
        return original_of(self.block, target, name, value)

    def unassign(self, target: Any, name: str, /) -> None:
        """Delete an attribute of what may be a class, in the same way."""
        self.generation.build.refuse_if_abandoned()
        if is_a(target, type) and target in self.generation.classes.values:
            delete_class_attribute(self.block, self.generation, target, name)
        elif is_preserved_member(self.generation, target):
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
        if is_a(target, type) and target in self.generation.classes.values:
            return dictionary_in(self.generation, target)
        return found

    def variables(self, target: Any) -> Any:
        """Return what `vars` is to be asked for instead of `target`, for the same reason."""
        if is_a(target, type) and target in self.generation.classes.values:
            return _Dictionary(dictionary_in(self.generation, target))
        return target

    def subclasses(self, target: Any) -> Any:
        """Return ``target.__subclasses__``, which is not to list classes that other generations alone have."""
        found = target.__subclasses__
        return partial(subclasses_in, self.generation, found) if is_a(target, type) else found

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
        if told not in self.block.at_fork and told not in self.generation.build.at_fork:
            register(**calls)
            (self.block if self.generation.phase.has_served else self.generation.build).at_fork.append(told)

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

    @skipped
    def import_member(self, fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        """Return what an import statement of a member pushes, with what it names loaded into this generation."""
        namespace = self.member.namespace
        wanted = load_imported(self.generation, namespace, fromlist or (), level, name)
        # The import system would put a member back into sys.modules that somebody has taken out.
        found = self.block.facades.get(wanted) if wanted in self.generation.members else None
        return __import__(name, namespace, namespace, fromlist, level) if found is None else found

    @skipped
    def lazy_import(self, fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        """Return what a lazy import of a member pushes: a promise, unless a filter wants the module at once."""
        found = self.lazies.promise(fromlist, name, level)
        return self._import_now(fromlist, name, level) if found is ABSENT else found

    @skipped
    def perhaps_lazy(self, fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        """Return what an import of a member pushes where the process, or the module, may ask for lazy ones."""
        if self.lazies.is_asked_for(name, level):
            return self.lazy_import(fromlist, name, level)
        return self._import_now(fromlist, name, level)

    @skipped
    def _import_now(self, fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        namespace = self.member.namespace
        if self.block.homes.get(self.member.name) is namespace:
            return __import__(name, namespace, namespace, fromlist, level)
        return self.import_member(fromlist, name, level)

    def save(self, value: Any, name: str) -> Any:
        """Return what the namespace is to hold under `name`: an attribute as it was before the block replaced it."""
        return saved(self.generation, self.member, name, value)

    def state(self, value: Any, name: str) -> None:
        """Keep the value that a state variable has; give it this one if no generation before had such a variable."""
        self.generation.build.refuse_if_abandoned()
        key, home = (self.member.name, name), self.member.home_of(self.block, name)
        live = self.block.variables.get(key)
        if live is not None and live.version != FIRST_VERSION and key not in self.generation.variables:
            declare(self.generation, self.member, name, lambda: value, FIRST_VERSION)
        if name not in home or type(home[name]) is LAZY or (id(home), name) in self.generation.build.introduced:
            self.member.overlay_of(self.block, name).pop(name, None)
            home[name] = value
            self.generation.build.introduced[id(home), name] = home
        else:
            self.generation.report.kept_state.add(f"{self.member.name}.{name}")
        self.member.namespace[name] = home[name]

    def load(self, name: str) -> Any:
        """Return a state variable as a global would be read.

        Raises:
            NameError: there is none, nor a built-in of that name.
        """
        value = resolved(self.member.overlay_of(self.block, name), name)
        if value is ABSENT:
            value = getattr(builtins, name, ABSENT)
        if value is ABSENT:
            raise NameError(f"name {name!r} is not defined", name=name)
        return value

    def unset(self, name: str) -> None:
        """Delete a state variable as a global would be deleted.

        Raises:
            NameError: there is none.
        """
        self.generation.build.refuse_if_abandoned()
        home, overlay = self.member.home_of(self.block, name), self.member.overlay_of(self.block, name)
        if name not in overlay and name not in home:
            raise NameError(f"name {name!r} is not defined", name=name)
        for one in (overlay, home):
            one.pop(name, None)
        for generation in tuple(self.block.generations.values()):
            member = generation.members.get(self.member.name)
            if member is not None and member.home_of(self.block, name) is home:
                member.namespace.pop(name, None)
        self.member.namespace.pop(name, None)
