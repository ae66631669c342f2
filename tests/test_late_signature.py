"""What inspection is shown of a method that forwards is what it was shown before, whenever somebody asks."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf
from blockfreeze.dispatch.late_signature import is_shown_late, shown_signature

TEXT = """
import functools

class Till:
    def plain(self, a, b: int = 3, *rest, key="k", **more) -> "list[int]": return a
    def positional(self, a, /, b): return a
    @staticmethod
    def free(a, b=None): return a
    @classmethod
    def made(cls, a: str = "x"): return cls
    def generator(self, a, b=1): yield a
    async def coroutine(self, *, word): return word
    def closing(self, a):
        return lambda: (self, a)

def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs): return function(*args, **kwargs)
    return wrapper

class Other:
    @wrapped
    def shown(self, a, b=2): return a
    def says(self, a): return a
    says.__signature__ = __import__("inspect").Signature()
"""
PATHS = [f"Till.{name}" for name in ("plain", "positional", "free", "made", "generator", "coroutine", "closing")]
PATHS += ["Other.shown", "Other.says"]


def found(module: Any, path: str) -> Callable[..., Any]:
    cls, name = path.split(".")
    return getattr(getattr(module, cls), name)  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_was_taken_before_a_swap_shows_its_signature_after_it(workshop: Workshop, path: str) -> None:
    shop = workshop.freeze("shop", TEXT)
    taken = found(shop, path)
    before = inspect.signature(taken)
    for _ in range(3):
        bf.swap(shop)
        after = inspect.signature(taken)
        assert after == before
        assert str(after) == str(before)
        assert hash(after) == hash(before)


@pytest.mark.parametrize("path", PATHS)
def test_it_can_be_changed_copied_pickled_and_bound_to(workshop: Workshop, path: str) -> None:
    shop = workshop.freeze("shop", TEXT)
    taken = found(shop, path)
    before = inspect.signature(taken)
    bf.swap(shop)
    shown = inspect.signature(taken)
    assert shown.replace(return_annotation=int) == before.replace(return_annotation=int)
    assert pickle.loads(pickle.dumps(shown)) == before
    assert copy.copy(shown) == copy.deepcopy(shown) == before
    given: tuple[int, ...] = (1,) * sum(one.default is one.empty for one in before.parameters.values())
    try:
        bound: Any = before.bind(*given).arguments
    except TypeError:
        bound = None
    assert bound is None or shown.bind(*given).arguments == bound


def test_it_is_not_made_until_somebody_asks_and_then_without_what_others_have_put_on_the_function() -> None:
    def plain(a: Any, b: int = 1) -> None: ...

    namespace: dict[str, Any] = {}
    exec("def top(a, b=1, *, c): ...", namespace)
    top = namespace["top"]
    shown = shown_signature(top)
    assert is_shown_late(shown)
    top.__dict__["__signature__"] = shown  # as a forwarder has it, whose attributes are the function's
    assert inspect.signature(top) is shown
    assert str(shown) == "(a, b=1, *, c)"
    assert isinstance(shown, inspect.Signature)
    assert list(shown.parameters) == ["a", "b", "c"]
    # Of a nested function one reference more would be taken for a closure that was handed out.
    assert not is_shown_late(shown_signature(plain))
    assert shown_signature(plain) == inspect.signature(plain)


def test_what_has_no_signature_shows_none() -> None:
    assert shown_signature(5) is None
