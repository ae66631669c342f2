"""Building: link the modules of a generation and run their bodies in private namespaces. Nothing is published.

Bodies run once, in the order in which they import each other. A member that is imported later, by code of a
generation that has not loaded it, joins that generation then.

Threads: one thread builds a generation; a member that joins later is loaded under the block's lock `loading`.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from blockfreeze.building.facade import arm_facade, create_facade, show_steady
from blockfreeze.building.hook_cells import closure_of
from blockfreeze.building.importlib_bootstrap import Body, LoadFacade, block_spec, execute
from blockfreeze.building.late_import import before_joining, begins_loading, complete_joined, loading, wait_for
from blockfreeze.building.link_cache import link_member
from blockfreeze.building.overloads import own_overloads
from blockfreeze.building.recorded import seal
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.draining.idle import watch_codes
from blockfreeze.identity.class_assignment import own_while_executed
from blockfreeze.linking.cpython import SETS_CACHED
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.model.block import Block, Generation, Member
from blockfreeze.state.variables import moved_homes
from blockfreeze.versions.module_source import ModuleSource


def new_facade(block: Block, name: str) -> ModuleType:
    """Return the facade of the member `name`, made now if the block has none yet."""
    facade = block.facades.get(name)
    if facade is None:
        facade = create_facade(block, name)
        if block.armed:
            arm_facade(facade)
    return facade


def spec_of(generation: Generation, name: str, path: Any) -> ModuleSpec | None:
    """Return the spec of a member of `generation`, or None if it has no such module or cannot link it."""
    source = generation.snapshot.find(name, path)
    return None if source is None else member_spec(generation.block, source)


def member_spec(block: Block, source: ModuleSource, load_first: LoadFacade | None = None) -> ModuleSpec:
    """Return the spec of a member of a block.

    Args:
        load_first: loads it the first time, if that opens the block.
    """
    name = source.name
    copies: dict[int, LoadFacade] = {}

    def create() -> ModuleType:
        generation = block.reference.vector[0].generation
        known = name in block.published and name in block.facades
        if known and generation is block.current and block.open_copy is not None:
            # It was imported before and taken out of sys.modules, or its spec is used once more: who does that wants
            # another module, as `test.support.import_fresh_module` does. A facade cannot be two.
            facade, load_copy = block.open_copy(block, source)
            copies[id(facade)] = load_copy
            return facade
        return new_facade(block, name)

    def load(facade: ModuleType) -> AbstractContextManager[Body | None]:
        load_other = copies.pop(id(facade), None if name in block.published else load_first)
        return import_hook_load(block, name, facade) if load_other is None else load_other(facade)

    return block_spec(source, create, load)


@contextmanager
def import_hook_load(block: Block, name: str, facade: ModuleType) -> Iterator[Body | None]:
    """Load a member on behalf of the import system, into the generation of the importing code.

    The body, if it has not run in that generation, is handed to the ``with`` statement, which is to execute it.
    """
    generation = _importing(block, name)
    try:
        if not begins_loading(generation, name):
            yield None
        else:
            own = _own_dictionary(facade)
            first = generation is block.current and name not in block.homes
            # Who imports it in another thread is told by the import system's own spec to wait until its body has run.
            namespace = (
                own if first else _private_namespace(generation, generation.snapshot.modules[name], own.get("__spec__"))
            )
            with opened_member(generation, name, namespace) as body:
                yield body
    finally:
        generation.build.imports.remove(name)
    if name in generation.members:
        block.published.add(name)


def _importing(block: Block, name: str) -> Generation:
    """Return the generation that imports a module now, and let it know: until the body runs, no frame shows it."""
    while True:
        generation: Generation = block.reference.vector[0].generation
        generation.build.imports.append(name)
        now: Generation = block.reference.vector[0].generation
        if now is generation:
            return now
        generation.build.imports.remove(name)  # it was left meanwhile, and may have drained


def _own_dictionary(facade: ModuleType) -> dict[str, Any]:
    own = ModuleType.__getattribute__(facade, "__dict__")
    assert isinstance(own, dict)
    return own


@skipped
def load_member(generation: Generation, name: str) -> Member | None:
    """Return the member `name` of `generation`, loaded now if it was not; None if the generation has no such module.

    Raises:
        BaseException: whatever the body raises.
    """
    member = generation.members.get(name)
    if member is not None:
        return member
    block = generation.block
    with loading(block):
        generation.build.refuse_if_abandoned()
        parent = name.rpartition(".")[0]
        if parent and block.covers(parent) and load_member(generation, parent) is None:
            if not generation.snapshot.has_inside(parent):
                return None
            if parent in generation.snapshot.modules:
                importlib.import_module(parent)  # otherwise it is a namespace package, which has no code of its own
        if not begins_loading(generation, name):
            return generation.members.get(name)
        path = generation.members[parent].namespace.get("__path__") if parent in generation.members else None
        if generation.snapshot.find(name, path) is None:
            generation.build.opening.discard(name)
            return None
        with opened_member(generation, name, namespace=None) as body:
            execute(body)
        return generation.members[name]


def loads_of_members(before: Generation, generation: Generation) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the members of the generation before by name, each with what loads it into the new one.

    One that another thread is importing at this moment is waited for, though not for long, so that its classes are
    known. It may fail there: then it is no part of the block, and loading it may fail as well.
    """
    wait_for(before, before.members)

    def load_if_possible(name: str) -> None:
        with suppress(Exception):
            load_member(generation, name)

    for name, member in before.members.items():
        yield name, partial(load_member, generation, name) if member.finished else partial(load_if_possible, name)


def load_joined(before: Generation, after: Generation) -> bool:
    """Load into a complete generation what was imported into the one before it since; what fails, fails when used.

    Returns:
        whether there was anything to load.
    """
    names = [name for name in before.members.keys() - after.members.keys() if name in after.snapshot.modules]
    for name in names:
        with suppress(Exception):
            load_member(after, name)
    return bool(names)


@contextmanager
def opened_member(generation: Generation, name: str, namespace: dict[str, Any] | None) -> Iterator[Body]:
    """Link the member `name`, hand its body to the ``with`` statement, which is to execute it, and complete it then.

    A module that puts another object in its place in `sys.modules` while it is imported is no part of the block.

    Args:
        namespace: the namespace that the import system has prepared; a private one is made if None.

    Raises:
        BaseException: whatever the body raises; the member is then no longer part of the generation.
    """
    imported = namespace is not None
    linked = _linked(generation, name)
    member = _entered(generation, name, linked, namespace)
    try:
        with own_overloads(generation, name), own_while_executed(generation):
            yield Body(linked.code, member.namespace, closure_of(generation, member, linked))
            generation.build.refuse_if_abandoned()
            seal(generation, member)
    except BaseException:
        _leave_out(generation, member)
        raise
    if imported and _has_replaced_itself(generation.block, name):
        _leave_out(generation, member)
        generation.block.elsewhere.add(name)
        del generation.block.facades[name]
    else:
        _complete(generation, member, linked)


def _linked(generation: Generation, name: str) -> LinkedCode:
    try:
        before_joining(generation, name)
        return link_member(generation, generation.snapshot.modules[name])
    except BaseException:
        generation.build.opening.discard(name)
        raise


def _entered(generation: Generation, name: str, linked: LinkedCode, namespace: dict[str, Any] | None) -> Member:
    """Return the new member, with its namespace and its homes of state, entered into the tables of its block."""
    block, source = generation.block, generation.snapshot.modules[name]
    if namespace is None:
        namespace = _private_namespace(generation, source)
    namespace.setdefault("__builtins__", builtins.__dict__)
    if source.shown is not None:
        namespace.setdefault("__file__", source.shown)
    member = Member(name, namespace, source)
    member.linkage = linked.linkage
    generation.classes.assignable |= linked.assigns
    if name not in block.homes:
        block.homes[name] = namespace
    elif linked.has_home:
        member.moved = moved_homes(block, source, linked.linkage)
        for key in linked.linkage.state:
            if key in member.home_of(block, key):
                namespace[key] = member.home_of(block, key)[key]
    block.enter_member(generation, member)
    new_facade(block, name)
    return member


def _has_replaced_itself(block: Block, name: str) -> bool:
    facade = block.facades[name]
    return name not in block.roots and sys.modules.get(name, facade) is not facade


def _complete(generation: Generation, member: Member, linked: LinkedCode) -> None:
    """Complete a member whose body has run: its identities, its idle counts, its patches, its name in its package."""
    block = generation.block
    complete_joined(generation, member)
    watch_codes(generation, linked.code)
    show_steady(block, [member.name])
    if block.generations.get(generation.number) is generation:
        block.patches.apply(block, generation)
    parent, _, tail = member.name.rpartition(".")
    if parent in generation.members:
        generation.members[parent].namespace.setdefault(tail, block.facades[member.name])
    elif block.covers(parent) and parent in sys.modules:
        above, _, inside = parent.rpartition(".")
        if above in generation.members:
            generation.members[above].namespace.setdefault(inside, sys.modules[parent])


def _leave_out(generation: Generation, member: Member) -> None:
    block = generation.block
    block.expel_member(generation, member.name)
    generation.compared.pop(member.name, None)
    if block.homes.get(member.name) is member.namespace:
        del block.homes[member.name]


def _private_namespace(generation: Generation, source: ModuleSource, spec: ModuleSpec | None = None) -> dict[str, Any]:
    spec = spec or member_spec(generation.block, source)
    module = ModuleType(source.name)
    namespace: dict[str, Any] = dict(vars(module))
    namespace.update(
        __loader__=spec.loader,
        __package__=source.package,
        __spec__=spec,
    )
    if source.search is not None:
        namespace["__path__"] = list(source.search)
    before = sys.modules.get(source.name)
    file = source.path
    if file is not None and file.startswith("<"):
        file = getattr(before, "__file__", file)
    if file is not None:
        namespace["__file__"] = file
        if SETS_CACHED:
            namespace["__cached__"] = spec.cached
    return namespace
