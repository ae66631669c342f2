"""What inspection sees of an entry: the name, signature, annotations and attributes of the function that serves it."""

from __future__ import annotations
import __future__

import re
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any, Final

from blockfreeze.building.forwarding import drop_signature, show_signature, widen
from blockfreeze.core.safe_access import is_a
from blockfreeze.dispatch.forwarders import narrow, present
from blockfreeze.dispatch.late_signature import shown_signature
from blockfreeze.dispatch.resolution import LegacyChoice
from blockfreeze.model.block import Block, Generation
from blockfreeze.model.entry import Entry, EntryKind

_STRING_ANNOTATIONS: Final = __future__.annotations.compiler_flag
_NAME: Final = re.compile(r"[^\W\d]\w*")


def present_entries(block: Block, before: Generation, after: Generation) -> None:
    """After the commit: let inspection of each entry see the function of `after`."""
    for entry in block.slots:
        local = after.locals.get(entry)
        if not entry.armed or not is_a(local, FunctionType) or entry.kind is EntryKind.METHOD:
            continue
        drop_signature(entry)
        _present(block, entry, before.locals.get(entry), after)
        widen(block, entry, before, after)
    for function, entry in {**before.classes.held, **after.classes.held}.values():
        _present_method(function, after.locals.get(entry))


def _present_method(function: FunctionType, local: Callable[..., Any] | None) -> None:
    """Let inspection of a method that keeps its function see the one that serves."""
    local = local.served if is_a(local, LegacyChoice) else local
    if is_a(local, FunctionType) and local is not function:
        present(function, local)
        _resolve_annotations(function, local)
        shown = local.__dict__.get("__signature__", shown_signature(local))
        function.__dict__ = {**local.__dict__, **({} if shown is None else {"__signature__": shown})}


def _present(block: Block, entry: Entry, was: Callable[..., Any] | None, generation: Generation) -> None:
    local = generation.locals[entry]
    assert isinstance(local, FunctionType)
    entry.shown = generation.number
    present(entry.function, local)
    _resolve_annotations(entry.function, local)
    _share_attributes(block, entry, was, local)


def _resolve_annotations(function: FunctionType, local: FunctionType) -> None:
    """Replace string annotations that would be looked up wrongly in the namespace where the entry was made.

    ``typing.get_type_hints`` evaluates them in ``__globals__``, which cannot be changed. Only those in which some name
    means another object now are replaced, by what they mean.
    """
    first, now = function.__globals__, local.__globals__
    strings = local.__code__.co_flags & _STRING_ANNOTATIONS
    if first is now or (getattr(function, "__annotate__", None) is not None and not strings):
        return
    changed = {}
    for name, annotation in function.__annotations__.items():
        if is_a(annotation, str) and any(
            first.get(one) is not now.get(one) for one in _names_in(str.__str__(annotation))
        ):
            try:
                changed[name] = eval(annotation, now)
            except Exception:
                continue  # a name that exists for type checkers only: it has no meaning in the old namespace either
    if changed:
        function.__annotations__ = {**function.__annotations__, **changed}


@lru_cache(maxsize=1024)
def _names_in(annotation: str) -> tuple[str, ...]:
    """Return the names in an annotation, which many functions have alike; of such a text they are always the same."""
    return tuple(_NAME.findall(annotation))


def _share_attributes(block: Block, entry: Entry, was: Callable[..., Any] | None, local: FunctionType) -> None:
    """Give an entry the attributes of its new function, and leave it those that others have set on it."""
    shown = entry.function.__dict__
    if local.__dict__ is shown:
        return
    own = was.__dict__ if is_a(was, FunctionType) and entry.wrapper else entry.own_attributes
    entry.own_attributes = dict(local.__dict__)
    for key, value in shown.items():
        if key not in own:
            local.__dict__.setdefault(key, value)
        elif block.patchable and block.patches.is_patch(entry.function, key, value, own[key]):
            local.__dict__[key] = value  # a test has put it there, and puts back what it found
    entry.function.__dict__ = local.__dict__


def disarm_entries(block: Block, generation: Generation) -> None:
    """Once nothing older runs: give each entry the exact signature of the function that it forwards to."""
    for entry in block.slots:
        local = generation.locals.get(entry)
        drop_signature(entry)
        if entry.armed and entry.kind is not EntryKind.METHOD and is_a(local, FunctionType):
            if entry.shown != generation.number:
                _present(block, entry, None, generation)  # its module has joined this generation since the commit
            if not narrow(block, entry, local, generation=generation.number):
                show_signature(entry, local)
