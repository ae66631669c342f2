"""What stands for a special method that a class does not have, where CPython has found one in the class's dictionary.

The rule: where a class attribute has several values, and an access finds that its generation has none, implicit use
behaves as if the class did not define it; to ask for the attribute by its name is an AttributeError.

A class fills its slots (``nb_bool`` and such) from its dictionary, for all callers alike. A slot that is filled looks
the method up and calls it. Most slots take an AttributeError for an error of the method itself. So what they are given
is a function that does what the slot would have done, had it been empty: an entry of `STAND_INS`. Methods without an
entry need none: their slots take an AttributeError for "no such method" (``__del__``, ``__fspath__``), CPython asks for
them by their names (``__copy__``, ``__class_getitem__``), or `object` has such a method (``__eq__``, ``__repr__``).

What C code reads off the slot, without calling it, cannot be told: `callable` is true for everybody as long as one
generation has ``__call__``.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from blockfreeze.identity.refusals import (
    Find,
    StandIn,
    bare,
    enter,
    enter_async,
    loop_over,
    refused,
    wait_for,
    with_no_end,
)


def _not_implemented(find: Find, *given: Any) -> Any:
    return NotImplemented


def _power(find: Find, instance: Any, *given: Any) -> Any:
    if sys.version_info < (3, 14) and len(given) > 1 and find(type(instance), "__rpow__"):
        raise AttributeError("__pow__")  # one slot is for both
    return NotImplemented


def _nothing(find: Find, *given: Any) -> None:
    return None


def _text(instance: Any) -> Any:
    """Return the text that a number may be read from, if `instance` is one; else an object that is no number."""
    if isinstance(instance, str):
        return str.__str__(instance)
    return bytes(memoryview(instance)) if isinstance(instance, (bytes, bytearray)) else bare(instance)


def _truth(find: Find, instance: Any) -> bool:
    return len(instance) > 0 if find(type(instance), "__len__") else True


def _integer(find: Find, instance: Any) -> int:
    if find(type(instance), "__index__"):
        return operator.index(instance)
    if find(type(instance), "__trunc__"):
        return int(bare(instance, __trunc__=lambda _: math.trunc(instance)))  # CPython says until when that may be
    return int(_text(instance))


def _real(find: Find, instance: Any) -> float:
    return float(operator.index(instance) if find(type(instance), "__index__") else _text(instance))


def _complex(find: Find, instance: Any) -> complex:
    is_real = find(type(instance), "__float__") or find(type(instance), "__index__")
    return complex(float(instance) if is_real else _text(instance))


def _rounded(operation: Callable[[Any], Any]) -> StandIn:
    def stand_in(find: Find, instance: Any) -> Any:
        is_real = find(type(instance), "__float__") or find(type(instance), "__index__")
        return operation(float(instance) if is_real else bare(instance))

    return stand_in


def _bytes(find: Find, instance: Any) -> bytes:
    kind = type(instance)
    if isinstance(instance, (str, bytes, bytearray)):
        return bytes(_text(instance))
    if find(kind, "__index__"):
        return bytes(operator.index(instance))
    if find(kind, "__buffer__"):
        return bytes(memoryview(instance))
    return bytes(iter(instance) if find(kind, "__iter__") or find(kind, "__getitem__") else bare(instance))


def _contains(find: Find, instance: Any, item: Any) -> bool:
    if not (find(type(instance), "__iter__") or find(type(instance), "__getitem__")):
        return item in bare(instance)  # CPython says that there is none
    try:
        operator.indexOf(instance, item)
    except ValueError as error:
        if error.args != _NOT_FOUND:
            raise
        return False
    return True


def _not_found() -> tuple[Any, ...]:
    try:
        return (operator.indexOf((), None),)
    except ValueError as error:
        return error.args


_NOT_FOUND: Final = _not_found()


def _item(find: Find, instance: Any, key: Any) -> Any:
    if not isinstance(instance, type):
        return bare(instance)[key]
    of_class = getattr(instance, "__class_getitem__", None)
    if of_class is None:
        raise TypeError(f"type {instance.__name__!r} is not subscriptable")
    return of_class(key)


def _changed_item(operation: Callable[..., Any], name: str, other: str) -> StandIn:
    def stand_in(find: Find, instance: Any, *given: Any) -> None:
        if find(type(instance), other):
            raise AttributeError(name)  # one slot is for both: CPython says so of the one that is not there
        operation(bare(instance), *given)

    return stand_in


class _Sequence:
    """What `reversed` reads of an object without ``__reversed__``."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance

    def __len__(self) -> int:
        return len(self.instance)

    def __getitem__(self, index: int) -> Any:
        return self.instance[index]


def _reversed(find: Find, instance: Any) -> Iterator[Any]:
    is_sequence = find(type(instance), "__getitem__") and not isinstance(instance, dict)
    return reversed(_Sequence(instance) if is_sequence else bare(instance))


def _iterated(find: Find, instance: Any) -> Any:
    if find(type(instance), "__getitem__"):
        raise AttributeError("__iter__")  # the slot goes on to that one
    return partial(iter, bare(instance))


def _missing(find: Find, instance: Any, key: Any) -> Any:
    raise KeyError(key)


def _attribute(find: Find, instance: Any, name: str) -> Any:
    holder = (
        f"type object {instance.__name__!r}" if isinstance(instance, type) else f"{type(instance).__name__!r} object"
    )
    raise AttributeError(f"{holder} has no attribute {name!r}", name=name, obj=instance)


def _new_arguments(find: Find, instance: Any) -> tuple[Any, dict[str, Any]]:
    return (instance.__getnewargs__() if find(type(instance), "__getnewargs__") else ()), {}


def _get(find: Find, descriptor: Any, *given: Any) -> Any:
    return descriptor


def _name_of(descriptor: Any, owner: type) -> str:
    """Return the name under which a class, or a base of it, has `descriptor`."""
    entries = ((name, value) for base in owner.__mro__ for name, value in base.__dict__.items())
    return next(name for name, value in entries if value is descriptor)


def own_value(descriptor: Any, instance: Any, default: Any) -> Any:
    """Return what `instance` itself has under the name of `descriptor`, which no longer has precedence over it."""
    own = getattr(instance, "__dict__", None)
    return own.get(_name_of(descriptor, type(instance)), default) if own and not isinstance(instance, type) else default


def _stored(find: Find, descriptor: Any, instance: Any, *given: Any) -> None:
    """Set or delete an attribute of an instance whose class has `descriptor` under that name."""
    name = "__set__" if given else "__delete__"
    if find(type(descriptor), "__delete__" if given else "__set__"):
        raise AttributeError(name)  # as with items
    attribute, own = _name_of(descriptor, type(instance)), getattr(instance, "__dict__", None)
    if own is None:
        is_there = f"{type(instance).__name__!r} object attribute {attribute!r} is read-only"
        raise AttributeError(is_there, name=attribute, obj=instance)
    if given:
        own[attribute] = given[0]
    elif attribute in own:
        del own[attribute]
    else:
        raise AttributeError(f"{type(instance).__name__!r} object has no attribute {attribute!r}")


_BINARY: Final = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "xor", "or"),
)

STAND_INS: Final[Mapping[str, StandIn]] = {
    **{f"__{prefix}{name}__": _not_implemented for name in _BINARY for prefix in ("", "r", "i")},
    "__abs__": refused(abs),
    "__aiter__": refused(loop_over),
    "__anext__": refused(anext),
    "__await__": refused(wait_for),
    "__bool__": _truth,
    "__bytes__": _bytes,
    "__call__": refused(lambda instance, *args, **kwargs: instance(*args, **kwargs)),
    "__ceil__": _rounded(math.ceil),
    "__complex__": _complex,
    "__contains__": _contains,
    "__delete__": _stored,
    "__delitem__": _changed_item(operator.delitem, "__delitem__", "__setitem__"),
    "__float__": _real,
    "__floor__": _rounded(math.floor),
    "__get__": _get,
    "__getattr__": _attribute,
    "__getitem__": _item,
    "__getnewargs__": lambda find, instance: (),
    "__getnewargs_ex__": _new_arguments,
    "__index__": refused(operator.index),
    "__int__": _integer,
    "__invert__": refused(operator.invert),
    "__len__": refused(len),
    "__length_hint__": _not_implemented,
    "__missing__": _missing,
    "__neg__": refused(operator.neg),
    "__next__": refused(next),
    "__pow__": _power,
    "__pos__": refused(operator.pos),
    "__release_buffer__": _nothing,
    "__reversed__": _reversed,
    "__round__": refused(round),
    "__set__": _stored,
    "__set_name__": _nothing,
    "__setitem__": _changed_item(operator.setitem, "__setitem__", "__delitem__"),
    "__trunc__": refused(math.trunc),
    **({"__buffer__": refused(lambda instance, flags: memoryview(instance))} if sys.version_info >= (3, 12) else {}),
}
"""By name: what a slot is given instead of the method."""

AT_ONCE: Final[Mapping[str, StandIn]] = {
    "__iter__": _iterated,
    "__enter__": refused(enter),
    "__exit__": refused(enter, __enter__=with_no_end),
    "__aenter__": refused(enter_async),
    "__aexit__": refused(enter_async, __aenter__=with_no_end),
}
"""By name: what the look-up itself calls, since CPython calls, or looks for, another method before this one."""

COMPANIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "__buffer__": ("__bytes__",),
    "__delete__": ("__get__", "__set__"),
    "__delitem__": ("__setitem__",),
    "__float__": ("__complex__", "__ceil__", "__floor__"),
    "__getitem__": ("__iter__", "__reversed__"),
    "__index__": ("__int__", "__float__", "__complex__", "__ceil__", "__floor__"),
    "__len__": ("__bool__",),
    "__rpow__": ("__pow__",),
    "__set__": ("__get__", "__delete__"),
    "__setitem__": ("__delitem__",),
    "__trunc__": ("__int__",),
}
"""By name: the methods that CPython asks for first, or in the same slot. It is to ask for them, and to be told."""
