"""A world that was imported before it was frozen, entered as generation 0 of its block."""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType
from typing import Any

from blockfreeze.building.facade import make_facade
from blockfreeze.building.recorded import record_class
from blockfreeze.building.stages import first_complete
from blockfreeze.core.safe_access import is_a
from blockfreeze.draining.idle import assume_idle
from blockfreeze.identity.methods import is_own
from blockfreeze.linking.analysis import analyse, may_be_suspended, walk_codes
from blockfreeze.model.block import Block, Generation, Member


def adopt_world(block: Block, world: Generation, loaded: list[str]) -> None:
    """Enter modules that are imported already as generation 0: what they define gets entries and classes."""
    for name in loaded:
        module = sys.modules[name]
        parent = name.rpartition(".")[0]
        path = getattr(sys.modules.get(parent), "__path__", None)
        source = world.snapshot.find(name, path)
        if source is None:
            continue  # an extension module, or one that was put together by hand: it is left as it is
        namespace: dict[str, Any] = vars(module)
        member = Member(name, namespace, source)
        member.linkage = analyse(source.compile(), lambda name, level: bool(level) or block.covers(name))
        block.enter_member(world, member)
        block.homes[name] = namespace
        block.published.add(name)
        if type(module) is not ModuleType:
            world.classes.of_modules[name] = type(module)
            world.classes.given_outside.add(name)  # or by the body: that does it again then
        make_facade(block, name, module)
    for member in world.members.values():
        _adopt_definitions(block, world, member)
        member.finished = True
    first_complete(block)
    assume_idle(world)


def _adopt_definitions(block: Block, world: Generation, member: Member) -> None:
    functions: list[FunctionType] = []
    for name, definition in member.linkage.bound.items():
        value = member.namespace.get(name)
        if is_a(value, FunctionType) and definition.kind != "import" and is_own(block, value):
            if block.entry_of(value) is None:
                wrapped = definition.decorated and value.__globals__ is not member.namespace
                block.add_entry(world, member.name, name, value, wrapper=wrapped)
            functions.append(value)
        elif is_a(value, type) and definition.kind == "class" and member.made(value):
            record_class(world, (member.name, name), value)
            functions += [one for one in vars(value).values() if is_a(one, FunctionType)]
    for function in functions:
        world.drain.codes += [code for code in walk_codes(function.__code__) if may_be_suspended(code)]
