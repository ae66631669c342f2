"""What another thread is importing is in `sys.modules`, and lacks nearly everything: nobody looks into it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import ModuleType

import pytest
from conftest import Workshop

import blockfreeze as bf
from blockfreeze.core.imported import imported, is_being_imported

LOOKED_INTO = ("inspect", "asyncio", "asyncio.events", "greenlet", "greenlet._greenlet")
SHOP = "class Till:\n    def total(self, *rest, key=None): return NUMBER\nNUMBER = {0}\n"


@contextmanager
def half_imported(name: str) -> Iterator[ModuleType]:
    """Have in `sys.modules` a module that has what one has before its body has run anything."""
    spec = importlib.util.spec_from_loader(name, None)
    assert spec is not None
    spec._initializing = True  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, name, importlib.util.module_from_spec(spec))
        yield sys.modules[name]


def test_a_module_is_imported_once_its_body_has_run() -> None:
    with half_imported("inspect") as module:
        assert is_being_imported(module)
        assert imported("inspect") is None
        assert module.__spec__ is not None
        module.__spec__._initializing = False  # type: ignore[attr-defined]
        assert imported("inspect") is module
    assert imported("no such module") is None


@pytest.mark.parametrize("name", LOOKED_INTO)
def test_versions_overlap_and_drain_while_something_is_imported(workshop: Workshop, name: str) -> None:
    shop = workshop.freeze("shop", SHOP.format(1))
    till = shop.Till()
    held = copy_context()
    with half_imported(name):
        with bf.pin(shop):
            inherited = copy_context()
            bf.swap(shop, source=SHOP.format(2), ask_to_leave=bf.AskToLeave(cancel_tasks=True))
            during = [till.total(), held.run(till.total)]
            lingering = [one.kind for one in bf.status(shop).lingering]
        bf.status(shop)
        bf.drain(shop, timeout=60)
        after = [inherited.run(till.total), till.total()]
        bf.rollback(shop)
    assert (during, lingering, after, till.total()) == ([1, 2], ["pin"], [2, 2], 1)
