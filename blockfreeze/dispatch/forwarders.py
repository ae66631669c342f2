"""Forwarders: the code by which a function that outside code holds reaches what serves it.

A function is *direct* until its block is first swapped: it is the linked function itself. The first swap *arms* it, in
neutral steps: the generation gets a copy of the function, the generation's cells are pointed at the copy, and the
original's code is replaced by a forwarder, which loads the block's one reference and calls what its slot holds.

Forwarders come in two forms. The *wide* one passes on whatever it is given; where an entry is newer than the vector,
which has no slot for it, the vector's head finds what serves it. The *narrow* one has the exact signature of the
current generation's function and is quicker. It is used only in the steady state: it binds the default values of one
generation, which are not to reach the function of another.

On CPython 3.12 the narrow form accepts more positional arguments than the function does, and passes them on to be
refused: see `cpython.VERSIONS_COLLIDE`. `inspect` is shown the function's signature.

A forwarder has the flags of its function's kind (coroutine, generator, asynchronous generator) on a body that simply
calls: ``inspect`` sees the right kind, and the call hands out the real coroutine.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE
from types import CellType, CodeType, FunctionType
from typing import Any

from blockfreeze.core.safe_access import ABSENT, cell_content
from blockfreeze.dispatch.caller_view import hidden_file
from blockfreeze.dispatch.frames import ForwarderTag
from blockfreeze.dispatch.handed_out import HandedOut
from blockfreeze.dispatch.late_signature import shown_signature
from blockfreeze.dispatch.templates import (
    CLOSURE,
    FINDING,
    LENT,
    PLACE,
    REFERENCE,
    REST,
    SLOT,
    WIDE,
    WIDE_LENT,
    narrow_template,
    signature_of,
    with_free_variables,
)
from blockfreeze.dispatch.warning_names import hides_forwarders
from blockfreeze.linking.analysis import have_one_origin
from blockfreeze.linking.cpython import read_as_values
from blockfreeze.model.block import Block
from blockfreeze.model.entry import Entry, EntryKind, bound_place

_HAS_ANNOTATE = hasattr(FunctionType, "__annotate__")
_HAS_TYPE_PARAMETERS = hasattr(FunctionType, "__type_params__")

KIND_FLAGS = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE


def function_kind(code: CodeType) -> int:
    """Return the flags that make a function of `code` a coroutine function, a generator function and so on."""
    return code.co_flags & KIND_FLAGS


def copy_function(function: FunctionType, closure: tuple[CellType, ...] | None = None) -> FunctionType:
    """Return a function with the same code, namespace and attributes, and another identity.

    Args:
        closure: its own, if it is not to share that of `function`.
    """
    closure = closure or function.__closure__
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, closure)
    _present_rest(copy, function)
    copy.__dict__ = function.__dict__
    _hold_itself(copy, function)
    return copy


def _holds_itself(function: FunctionType) -> bool:
    """Tell whether a function is a default value of itself: it may give itself other parameters when it is called."""
    # Written out: each swap asks this of every function several times, and values may have an ``__eq__`` of their own.
    for one in function.__defaults__ or ():
        if one is function:
            return True
    named = function.__kwdefaults__
    return named is not None and any(one is function for one in named.values())


def _hold_itself(copy: FunctionType, function: FunctionType) -> None:
    """Let a default value that is `function` itself be `copy`: a wrapper that compiles itself changes what that is."""
    if _holds_itself(function):
        named = function.__kwdefaults__ or {}
        copy.__defaults__ = tuple(copy if one is function else one for one in function.__defaults__ or ()) or None
        copy.__kwdefaults__ = {name: copy if one is function else one for name, one in named.items()} or None


def contents_to_call(function: FunctionType) -> list[int]:
    """Return the ids of what a closure's cells hold; 0 for one that is empty, or read for more than to be called.

    What a wrapper looks up in a table, or hands on, is the one identity of a function.
    """
    as_values = read_as_values(function.__code__)
    contents = [cell_content(cell) for cell in function.__closure__ or ()]
    return [
        0 if content is ABSENT or name in as_values else id(content)
        for name, content in zip(function.__code__.co_freevars, contents, strict=True)
    ]


def present(function: FunctionType, like: FunctionType) -> None:
    """Give `function` everything that inspection sees of `like`, but not its code, closure or attributes."""
    function.__name__ = like.__name__
    function.__defaults__ = like.__defaults__
    _present_rest(function, like)


def _present_rest(function: FunctionType, like: FunctionType) -> None:
    function.__qualname__ = like.__qualname__
    function.__module__ = like.__module__
    function.__doc__ = like.__doc__
    if like.__kwdefaults__ is not function.__kwdefaults__:
        function.__kwdefaults__ = like.__kwdefaults__
    if not _HAS_ANNOTATE:
        function.__annotations__ = like.__annotations__
    else:
        # 3.14: evaluating the annotations now could fail where nobody has asked for them.
        function.__annotate__ = like.__annotate__  # type: ignore[attr-defined, unused-ignore]
        if like.__annotate__ is None:  # type: ignore[attr-defined, unused-ignore]
            function.__annotations__ = like.__annotations__
    if _HAS_TYPE_PARAMETERS:
        function.__type_params__ = like.__type_params__  # type: ignore[attr-defined, unused-ignore]


def forward(block: Block, entry: Entry, function: FunctionType) -> None:
    """Replace the code of `function` by a wide forwarder to the slot of `entry`: neutral if that serves what it did."""
    template = WIDE if _has_slot(block, entry) else FINDING
    _let_forward(template, block, entry, function, function.__code__)


def narrow(block: Block, entry: Entry, like: FunctionType, *, generation: int | None = None) -> bool:
    """Replace the code of an entry's function by a forwarder with the exact signature of `like`, which serves it.

    Args:
        generation: whose default values a call binds; such a call has begun in that generation.

    Returns:
        whether inspection sees that signature by itself.
    """
    try:
        template = narrow_template(*signature_of(like)) if _has_slot(block, entry) else FINDING
    except SyntaxError:  # parameters that no source can name, of a function made by other means
        template = WIDE
    if _holds_itself(like) and template is not FINDING:
        template = WIDE
    if template in (WIDE, FINDING) or not (like.__defaults__ or like.__kwdefaults__):
        generation = None
    _let_forward(template, block, entry, entry.function, like.__code__, binds=generation)
    return template is not FINDING and REST not in template.co_varnames


def _has_slot(block: Block, entry: Entry) -> bool:
    return bound_place(entry.slot) < len(block.reference.vector)


def takes_the_same(one: Any, other: Any) -> bool:
    """Tell whether two functions have one exact signature without default values: a narrow forwarder serves both."""
    if not isinstance(one, FunctionType) or not isinstance(other, FunctionType):
        return False
    if one.__defaults__ or one.__kwdefaults__ or other.__defaults__ or other.__kwdefaults__:
        return False
    if have_one_origin(one.__code__, other.__code__):
        return True
    return signature_of(one) == signature_of(other) and one.__code__.co_name == other.__code__.co_name


def _assign(function: FunctionType, code: CodeType) -> None:
    if not (function.__code__.co_flags ^ code.co_flags) & KIND_FLAGS:
        function.__code__ = code
        return
    with warnings.catch_warnings():
        # 3.13 and later warn when a plain function becomes a coroutine function; the swap's report says so instead.
        warnings.simplefilter("ignore", DeprecationWarning)
        function.__code__ = code


def _let_forward(
    template: CodeType, block: Block, entry: Entry, function: FunctionType, like: CodeType, binds: int | None = None
) -> None:
    """Replace the code of `function` by a forwarder, the last one of the entry if it is such a one."""
    file = hidden_file(like.co_filename) if hides_forwarders(block, entry) else like.co_filename
    flags = template.co_flags | function_kind(like)
    form = template, binds, flags, like.co_name, like.co_qualname, file, like.co_firstlineno
    own = function.__code__
    last, code = (entry.forwarder if binds is None else entry.binding) or ((), own)
    if form != last or code.co_freevars != own.co_freevars:
        tag = ForwarderTag(block.reference, entry.slot, binds)
        code = _completed(template, {PLACE: tag.place, SLOT: entry.slot}, tag, own, like, file)
        # The functions that a method has had are many, and forward alike; those of a function are no two of a kind.
        if function is entry.function or entry.kind is EntryKind.METHOD:
            if binds is None:
                entry.forwarder = form, code
            else:
                entry.binding = form, code
    if own is not code:
        _assign(function, code)


def forward_closure(block: Block, closure: HandedOut, like: CodeType) -> None:
    """Replace the code of a closure by a forwarder to what serves it.

    It passes on the values that the closure has for what a call leaves out: these are of the call that has made it.

    Args:
        like: its code in the version that serves.
    """
    function: FunctionType = closure.function
    try:
        template = narrow_template(*signature_of(function, like), found=LENT)
    except SyntaxError:
        template = WIDE_LENT
    if template is WIDE_LENT or REST in template.co_varnames:
        shown = shown_signature(function)
        if "__signature__" not in function.__dict__ and shown is not None:
            function.__signature__ = shown  # type: ignore[attr-defined]
    file = hidden_file(like.co_filename) if hides_forwarders(block, closure.code.unit) else like.co_filename
    tag = ForwarderTag(block.reference, 0, closure=closure)
    _assign(function, _completed(template, {CLOSURE: closure}, tag, function.__code__, like, file))


def _completed(
    template: CodeType, meant: Mapping[str, Any], tag: ForwarderTag, own: CodeType, like: CodeType, file: str
) -> CodeType:
    """Return the code of a forwarder: a template with what its constants stand for.

    Args:
        own: the code that it replaces.
        like: the code of which inspection is shown the kind, the names and the line.
    """
    meant = {**meant, REFERENCE: tag.reference}
    return with_free_variables(template, len(own.co_freevars)).replace(
        co_consts=(*(meant.get(one, one) for one in template.co_consts), tag),
        # __code__ can only be assigned if the number of free variables is the same; a forwarder uses none of them.
        co_freevars=own.co_freevars,
        co_name=like.co_name,
        co_qualname=like.co_qualname,
        co_filename=file,
        co_firstlineno=like.co_firstlineno,
        co_flags=template.co_flags | function_kind(like),
    )
