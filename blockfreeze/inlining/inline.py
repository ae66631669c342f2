"""Inlining a module: which functions stand in which, callees first, and what the report says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from types import CodeType

from bytecode.instr import Instr

from blockfreeze.inlining.call_site import site_at
from blockfreeze.inlining.callee import (
    Callee,
    Why,
    callee_of,
    leading_to,
    looks_at_callers,
    mentions,
    reached_from,
    reason_against,
    touches_functions,
)
from blockfreeze.inlining.definitions import Defined, defined_functions
from blockfreeze.inlining.flow import Item, paired, single, size
from blockfreeze.inlining.marks import INLINE
from blockfreeze.inlining.operations import name_and_call
from blockfreeze.inlining.splice import spliced
from blockfreeze.linking import cpython
from blockfreeze.linking.analysis import inspects_locals, nested_codes, walk_codes
from blockfreeze.linking.library import put_together, read
from blockfreeze.linking.linkage import Linkage

_GROWN = 2_000  # instructions: a caller that has as many is not made longer


@dataclass(frozen=True)
class Inlining:
    """A module with functions inlined.

    `done` has, by the function, how often it stands in which callers (by their qualified names); `refused` has why a
    function stands in none, a value of `Why`: for those that are marked, and with `everything` for all that the top
    level defines.
    """

    code: CodeType
    done: dict[str, dict[str, int]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def inline(code: CodeType, linkage: Linkage, *, everything: bool) -> Inlining:
    """Put small functions of a module into their callers.

    Args:
        code: the module's, not linked.
        linkage: what `analyse` found in it.
        everything: inline every function that is small enough; otherwise those that are marked.

    Returns:
        the same code object if nothing is inlined.
    """
    source, _ = read(code)
    items: list[Item] = list(source)
    defined = defined_functions(items, linkage)
    asked = {name: one for name, one in defined.items() if everything or INLINE in one.marks}
    refused = {
        name: Why.NOT_PLAIN
        for name, one in linkage.bound.items()
        if everything and one.kind == "function" and name not in defined
    }
    if not asked:
        return Inlining(code, refused=_said(refused))
    if touches_functions(walk_codes(code)):
        return Inlining(code, refused=_said(refused | dict.fromkeys(asked, Why.TOUCHED)))
    return _Module(code, items, asked).inlined(refused)


def _said(refused: Mapping[str, Why]) -> dict[str, str]:
    return {name: why.value for name, why in sorted(refused.items())}


class _Module:
    def __init__(self, code: CodeType, items: Sequence[Item], asked: dict[str, Defined]) -> None:
        self._code = code
        loaded = enumerate(getattr(item, "arg", None) for item in items)
        self._order = {id(one): index for index, one in loaded if isinstance(one, CodeType)}
        self._asked = asked
        self._uses: dict[str, frozenset[str]] = {}
        for one in nested_codes(code):
            self._uses[one.co_name] = self._uses.get(one.co_name, frozenset()) | mentions(one)
        looking = frozenset(one.co_name for one in nested_codes(code) if looks_at_callers(one))
        self._looking = leading_to(self._uses, looking)
        self._callees: dict[str, Callee] = {}
        self._finished: dict[int, CodeType] = {}
        self._done: dict[str, Counter[str]] = {}

    def inlined(self, refused: dict[str, Why]) -> Inlining:
        for name in self._asked:
            self._prepare(name, refused, frozenset())
        result = self._rewritten(self._code, None)
        done = {name: dict(callers) for name, callers in sorted(self._done.items())}
        return Inlining(result if done else self._code, done, _said(refused))

    def _prepare(self, name: str, refused: dict[str, Why], above: frozenset[str]) -> None:
        """Find out what stands for calls of a function, after those that it calls itself."""
        if name in self._callees or name in refused or name in above:
            return
        defined = self._asked[name]
        for used in sorted(self._uses[name] & self._asked.keys()):
            self._prepare(used, refused, above | {name})
        recursive = name in reached_from(self._uses, name)
        why: Why | Callee | None = reason_against(defined, recursive, self._looking)
        if why is None:
            why = callee_of(defined, self._rewritten(defined.code, self._order.get(id(defined.code))))
        if isinstance(why, Callee):
            self._callees[name] = why
        else:
            refused[name] = why

    def _rewritten(self, code: CodeType, order: int | None) -> CodeType:
        """Return a code object with calls replaced in it and in everything inside it."""
        found = self._finished.get(id(code))
        if found is None:
            constants = tuple(
                self._rewritten(one, self._order.get(id(one), order)) if isinstance(one, CodeType) else one
                for one in code.co_consts
            )
            changed = any(new is not old for new, old in zip(constants, code.co_consts, strict=True))
            found = code.replace(co_consts=constants) if changed else code
            if code.co_flags & CO_OPTIMIZED and not inspects_locals(code) and self._callees.keys() & set(code.co_names):
                found = self._caller(found, order)
            self._finished[id(code)] = found
        return found

    def _caller(self, code: CodeType, order: int | None) -> CodeType:
        source, exchanged = read(code)
        if exchanged:
            return code  # opcodes stand for others, which what is put in may use
        items: list[Item] = single(source)
        arguments = frozenset(source.argnames)
        sure = arguments.union(code.co_varnames)
        if not cpython.SINCE_312:  # every LOAD_FAST looks whether there is a value
            sure = arguments - {one.arg for one in items if isinstance(one, Instr) and one.name == "DELETE_FAST"}
        depth = 0
        for start in range(len(items) - 1, -1, -1):
            item = items[start]
            callee = self._called(item)
            if callee is None or size(items) + size(callee.body) > _GROWN:
                continue
            site = site_at(items, start, callee, sure)
            if site is None:
                continue
            guarded = not callee.defined.certain or order is None or callee.defined.order > order
            items[start : site.call.last + 1] = spliced(items, site, callee, guarded=guarded)
            depth = max(depth, callee.code.co_stacksize)
            self._done.setdefault(callee.name, Counter())[code.co_qualname] += 1
        if not depth:
            return code
        source[:] = paired(items, source.argnames)
        return put_together(source, exchanged, code.co_stacksize + depth)

    def _called(self, item: Item) -> Callee | None:
        if not isinstance(item, Instr) or item.name != "LOAD_GLOBAL":
            return None
        name, called = name_and_call(item)
        return self._callees.get(name) if called else None
