"""Compiling and linking one module of a block, once for all generations, and processes, that have the same version."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from blockfreeze.building.linked_files import linked_file, read_linked, write_linked
from blockfreeze.dispatch.caller_view import as_caller_sees
from blockfreeze.identity.carry_over import registrations_made_before
from blockfreeze.inlining.marks import asks_for_inlining
from blockfreeze.linking.analysis import analyse, copy_code
from blockfreeze.linking.laziness import imports_are_lazy
from blockfreeze.linking.linkage import Linkage
from blockfreeze.linking.linker import LinkedCode, link
from blockfreeze.linking.stored_form import decode, encode, key_of
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
    stored = StoredLink(block, source, made_before)
    linked = stored.read()
    if linked is None:
        linked = _linked_now(block, source, made_before, stored)
        stored.write(linked)
    return replace(linked, code=show_callers(linked.code, as_caller_sees)) if linked.has_unlinked_callers else linked


def _linked_now(block: Block, source: ModuleSource, made_before: frozenset[str], stored: StoredLink) -> LinkedCode:
    code = compile_without(source, made_before) if made_before else source.compile()
    linkage = analyse(code, stored.is_member)
    if not block.patchable and (block.options.inline or asks_for_inlining(code)):
        from blockfreeze.inlining.inline import inline  # imports a library, which takes a while

        inlined = inline(code, linkage, everything=block.options.inline)
        code = inlined.code
        linkage = replace(analyse(code, stored.is_member), inlined=inlined.done, not_inlined=inlined.refused)
    linkage = replace(linkage, moved=_moved_names(block, source, linkage))
    linked = replace(link(code, linkage, has_home=source.name in block.homes), made_before=made_before)
    return replace(linked, has_unlinked_callers=show_callers(linked.code, as_caller_sees) is not linked.code)


def stored_form_of(block: Block, source: ModuleSource) -> tuple[str, bytes]:
    """Return a module linked, as it is stored, and the name of that form; linked now, and without registrations.

    Raises:
        SyntaxError, ValueError, ImportError: the module cannot be compiled.
    """
    stored = StoredLink(block, source, frozenset())
    return stored.form, stored.bytes_of(_linked_now(block, source, frozenset(), stored))


class StoredLink:
    """What is on disk of a module that is linked for a block; the key has whatever linking it depends on.

    Which imports are of modules of the block is not known before the code is read. So the answers are stored with it,
    and must be the same. What a loader makes in its own way, or has without source, is not stored.
    """

    def __init__(self, block: Block, source: ModuleSource, made_before: frozenset[str]) -> None:
        self.file: Path | None = None
        self.key = b""
        self.form = "later" if source.name in block.homes else "first"
        self._block = block
        self._source = source
        self._answers: dict[tuple[str, int], bool] = {}
        if source.data is not None and not source.is_made:
            inlining = None if block.patchable else block.options.inline
            self.key = key_of(
                source.data,
                name=source.name,
                package=source.package,
                roots=block.roots,
                form=self.form,
                inlining=inlining,
                made_before=tuple(sorted(made_before)),
                lazily=imports_are_lazy(),
            )
            # A module may be a block and belong to another one by turns, in two programs.
            belongs = importlib.util.source_hash(repr((source.name, block.roots, inlining)).encode()).hex()
            self.file = linked_file(source.path, f"{self.form}-{belongs}")

    def is_member(self, name: str, level: int) -> bool:
        """Tell whether an import statement names a module of the block, and note the answer."""
        whole = absolute_name(name, level, self._source.package)
        answer = self._answers[name, level] = whole is not None and self._block.covers(whole)
        return answer

    def read(self) -> LinkedCode | None:
        """Return what was linked by the same rules, made of code objects of its own; None if nothing was."""
        data = self._source.stored.get(self.form) if self.key else None
        if data is None and self.file is not None:
            data = read_linked(self.file)
        found = None if data is None else decode(data, self.key, self._source.path or f"<{self._source.name}>")
        if found is None:
            return None
        linked, answers = found
        same_homes = linked.linkage.moved == _moved_names(self._block, self._source, linked.linkage)
        if same_homes and all(self.is_member(*one) is answer for one, answer in answers.items()):
            return linked
        self._answers.clear()
        return None

    def bytes_of(self, linked: LinkedCode) -> bytes:
        """Return what was linked as it is stored."""
        return encode(linked, self._answers, self.key)

    def write(self, linked: LinkedCode) -> None:
        """Store what was linked, if that can be."""
        if self.file is not None and not sys.dont_write_bytecode:
            write_linked(self.file, self.bytes_of(linked), f"{self._source.path}")
