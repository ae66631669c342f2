"""Links one text once, however many tests freeze it or swap to it.

Most of what a freeze and a swap take is the linking, and the tests link the same few texts hundreds of times. What has
been linked is a function of the text, of which imports are of members of the block, of where its state lives and of
the registrations that are left out; `test_linked_once.py` holds it to that. So the suite keeps the result, and hands
out copies: code objects of their own, as the library itself does for the generations that it keeps.

``python -m pytest --link-always`` does without.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from types import CodeType

from blockfreeze.building import link_cache as linking
from blockfreeze.linking import analysis
from blockfreeze.linking.analysis import Linkage
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.model.block import Block
from blockfreeze.versions.module_source import ModuleSource

__all__ = ["LinkedOnce"]

Link = Callable[[Block, ModuleSource, frozenset[str]], LinkedCode]

_MANY = 500
"""So many texts are kept, those that were asked for last: one use is mostly soon after another."""


@dataclass(frozen=True)
class _Kept:
    linked: LinkedCode
    questions: dict[tuple[str, int], bool]
    """The imports that `analyse` asked about, and whether they are of members of the block."""


class LinkedOnce:
    """Takes the place of `linking._link`, and of `linking.analyse` to note its questions."""

    def __init__(self, link_always: Link) -> None:
        self.handed_out = 0
        self.link_always = link_always
        self._kept: OrderedDict[Hashable, list[_Kept]] = OrderedDict()
        self._questions: dict[tuple[str, int], bool] = {}

    def link(self, block: Block, source: ModuleSource, left_out: frozenset[str]) -> LinkedCode:
        """Link, or return a copy of what came of it before."""
        if source.data is None:
            return self.link_always(block, source, left_out)
        key = (source.data, left_out, source.name in block.homes, block.inline, block.patchable)
        for kept in self._kept.get(key, ()):
            if _applies(kept, block, source):
                self._kept.move_to_end(key)
                self.handed_out += 1
                return _copied(kept.linked, source.path or f"<{source.name}>")
        questions = self._questions = {}
        linked = self.link_always(block, source, left_out)
        # A copy: the reference counts of what is executed tell whether anything of a generation is suspended.
        kept = _Kept(_copied(linked, linked.code.co_filename), questions)
        self._kept.setdefault(key, []).append(kept)
        if len(self._kept) > _MANY:
            self._kept.popitem(last=False)
        return linked

    def analyse(self, code: CodeType, is_member: Callable[[str, int], bool]) -> Linkage:
        """Note what is asked about imports."""
        questions = self._questions

        def noted(name: str, level: int) -> bool:
            answer = questions[name, level] = is_member(name, level)
            return answer

        return analysis.analyse(code, noted)


def _applies(kept: _Kept, block: Block, source: ModuleSource) -> bool:
    package = source.name if source.is_package else source.name.rpartition(".")[0]
    for (name, level), answer in kept.questions.items():
        full = importlib.util.resolve_name("." * level + name, package) if level and package else name
        if block.covers(full) is not answer:
            return False
    linkage = kept.linked.linkage
    return linkage.moved == linking._moved_names(block, source, linkage)


def _copied(linked: LinkedCode, filename: str) -> LinkedCode:
    return replace(linked, code=_copy(linked.code, linked.code.co_filename, filename))


def _copy(code: CodeType, old: str, new: str) -> CodeType:
    """Return an equal code object, made of fresh ones all through, of another file."""
    constants = tuple(_copy(one, old, new) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_consts=constants, co_filename=new if code.co_filename == old else code.co_filename)
