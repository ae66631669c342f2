"""Compiling and linking one module of a block, once for all generations that have it in the same version."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

from blockfreeze.dispatch.caller_view import as_caller_sees
from blockfreeze.identity.carry_over import registrations_made_before
from blockfreeze.linking.analysis import Linkage, analyse, copy_code
from blockfreeze.linking.linker import LinkedCode, link
from blockfreeze.linking.unlinked import show_callers
from blockfreeze.model.block import Block, Generation
from blockfreeze.state.variables import moved_homes
from blockfreeze.versions.module_source import ModuleSource
from blockfreeze.versions.outline import compile_without


def link_member(generation: Generation, source: ModuleSource) -> LinkedCode:
    """Compile and link one module, once; a module that a kept generation has in the same version is not linked again.

    Raises:
        SyntaxError, ValueError, ImportError: the module cannot be compiled.
    """
    linked = generation.build.linked.get(source.name)
    if linked is None:
        made_before = (
            registrations_made_before(generation, source) if source.name in generation.block.homes else frozenset()
        )
        linked = _linked_before(generation, source, made_before) or _link(generation.block, source, made_before)
        generation.build.linked[source.name] = linked
    return linked


def _linked_before(generation: Generation, source: ModuleSource, made_before: frozenset[str]) -> LinkedCode | None:
    has_home = source.name in generation.block.homes
    for other in generation.block.generations.values():
        member, linked = other.members.get(source.name), other.build.linked.get(source.name)
        if member is None or linked is None or linked.has_home is not has_home or source.data is None:
            continue
        same = (
            linked.made_before == made_before
            and member.source.data == source.data
            and member.source.path == source.path
        )
        if same and linked.linkage.moved == _moved_names(generation.block, source, linked.linkage):
            # Code objects of its own: their reference counts tell whether anything of this generation is suspended.
            return replace(linked, code=copy_code(linked.code))
    return None


def _moved_names(block: Block, source: ModuleSource, linkage: Linkage) -> frozenset[str]:
    return frozenset(moved_homes(block, source, linkage)) if source.name in block.homes else frozenset()


def _link(block: Block, source: ModuleSource, made_before: frozenset[str]) -> LinkedCode:
    package = source.name if source.is_package else source.name.rpartition(".")[0]

    def is_member(name: str, level: int) -> bool:
        if level:
            name = importlib.util.resolve_name("." * level + name, package) if package else name
        return block.covers(name)

    code = compile_without(source, made_before) if made_before else source.compile()
    linkage = analyse(code, is_member)
    linkage = replace(linkage, moved=_moved_names(block, source, linkage))
    linked = link(code, linkage, has_home=source.name in block.homes)
    return replace(linked, code=show_callers(linked.code, as_caller_sees), made_before=made_before)
