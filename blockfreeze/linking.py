"""Compiling and linking one module of a block, once for all generations that have it in the same version."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

from blockfreeze.callers import as_caller_sees
from blockfreeze.carry import made_registrations
from blockfreeze.generation import Block, Generation
from blockfreeze.linker import LinkedCode, link
from blockfreeze.names import Linkage, analyse, copy_code
from blockfreeze.opaque import let_see_callers
from blockfreeze.outline import compile_without
from blockfreeze.source import ModuleSource
from blockfreeze.variables import moved_homes

__all__ = ["link_member"]


def link_member(generation: Generation, source: ModuleSource) -> LinkedCode:
    """Compile and link one module, once; a module that a kept generation has in the same version is not linked again.

    Raises:
        SyntaxError, ValueError, ImportError: the module cannot be compiled.
    """
    linked = generation.linked.get(source.name)
    if linked is None:
        left_out = made_registrations(generation, source) if source.name in generation.block.homes else frozenset()
        linked = _linked_before(generation, source, left_out) or _link(generation.block, source, left_out)
        generation.linked[source.name] = linked
    return linked


def _linked_before(generation: Generation, source: ModuleSource, left_out: frozenset[str]) -> LinkedCode | None:
    has_home = source.name in generation.block.homes
    for other in generation.block.generations.values():
        member, linked = other.members.get(source.name), other.linked.get(source.name)
        if member is None or linked is None or linked.has_home is not has_home or source.data is None:
            continue
        same = linked.left_out == left_out and member.source.data == source.data and member.source.path == source.path
        if same and linked.linkage.moved == _moved_names(generation.block, source, linked.linkage):
            # Code objects of its own: their reference counts tell whether anything of this generation is suspended.
            return replace(linked, code=copy_code(linked.code))
    return None


def _moved_names(block: Block, source: ModuleSource, linkage: Linkage) -> frozenset[str]:
    return frozenset(moved_homes(block, source, linkage)) if source.name in block.homes else frozenset()


def _link(block: Block, source: ModuleSource, left_out: frozenset[str]) -> LinkedCode:
    package = source.name if source.is_package else source.name.rpartition(".")[0]

    def is_member(name: str, level: int) -> bool:
        if level:
            name = importlib.util.resolve_name("." * level + name, package) if package else name
        return block.covers(name)

    code = compile_without(source, left_out) if left_out else source.compile()
    linkage = analyse(code, is_member)
    linkage = replace(linkage, moved=_moved_names(block, source, linkage))
    linked = link(code, linkage, has_home=source.name in block.homes)
    return replace(linked, code=let_see_callers(linked.code, as_caller_sees), left_out=left_out)
