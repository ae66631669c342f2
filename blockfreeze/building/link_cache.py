"""Compiling and linking one module of a block, once for all generations that have it in the same version."""

from __future__ import annotations

from dataclasses import replace

from blockfreeze.dispatch.caller_view import as_caller_sees
from blockfreeze.identity.carry_over import registrations_made_before
from blockfreeze.inlining.inline import asks_for_inlining, inline
from blockfreeze.linking.analysis import Linkage, analyse, copy_code
from blockfreeze.linking.linker import LinkedCode, link
from blockfreeze.linking.unlinked import show_callers
from blockfreeze.model.block import Block, Generation
from blockfreeze.state.variables import moved_homes
from blockfreeze.versions.module_source import ModuleSource, absolute_name
from blockfreeze.versions.registrations import compile_without


def link_member(generation: Generation, source: ModuleSource) -> LinkedCode:
    """Return a module compiled and linked, which is done once for each version that kept generations have.

    Raises:
        SyntaxError, ValueError, ImportError: the module cannot be compiled.
    """
    linked = generation.build.linked.get(source.name)
    if linked is None:
        later = source.name in generation.block.homes
        made_before = registrations_made_before(generation, source) if later else frozenset()
        linked = _linked_before(generation, source, made_before) or _link(generation.block, source, made_before)
        generation.build.linked[source.name] = linked
    return linked


def _linked_before(generation: Generation, source: ModuleSource, made_before: frozenset[str]) -> LinkedCode | None:
    """Return what was linked for a kept generation from the same text by the same rules; None if nothing was."""
    has_home = source.name in generation.block.homes
    for other in generation.block.generations.values():
        member, linked = other.members.get(source.name), other.build.linked.get(source.name)
        if member is None or linked is None or source.data is None:
            continue
        same_text = member.source.has_text_of(source)
        same_rules = linked.has_home is has_home and linked.made_before == made_before
        if same_text and same_rules and linked.linkage.moved == _moved_names(generation.block, source, linked.linkage):
            # Code objects of its own: their reference counts tell whether anything of this generation is suspended.
            return replace(linked, code=copy_code(linked.code))
    return None


def _moved_names(block: Block, source: ModuleSource, linkage: Linkage) -> frozenset[str]:
    return frozenset(moved_homes(block, source, linkage)) if source.name in block.homes else frozenset()


def _link(block: Block, source: ModuleSource, made_before: frozenset[str]) -> LinkedCode:
    def is_member(name: str, level: int) -> bool:
        whole = absolute_name(name, level, source.package)
        return whole is not None and block.covers(whole)

    code = compile_without(source, made_before) if made_before else source.compile()
    linkage = analyse(code, is_member)
    if not block.patchable and (block.inline or asks_for_inlining(code)):
        inlined = inline(code, linkage, everything=block.inline)
        code = inlined.code
        linkage = replace(analyse(code, is_member), inlined=inlined.done, not_inlined=inlined.refused)
    linkage = replace(linkage, moved=_moved_names(block, source, linkage))
    linked = link(code, linkage, has_home=source.name in block.homes)
    return replace(linked, code=show_callers(linked.code, as_caller_sees), made_before=made_before)
