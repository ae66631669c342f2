"""What the tests of frameworks share: the next version of a text, and how what a framework serves is followed."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import blockfreeze as bf
from blockfreeze.core.report import SwapReport


@pytest.fixture(scope="module", autouse=True)
def frameworks_out_of_sight() -> Iterator[None]:
    """Take what the frameworks have made out of the collector's sight: it would be walked through."""
    yield
    gc.collect()
    gc.freeze()


def second(text: str, mark: str = "2") -> str:
    """Return the next version of a text: its helpers say so, and so does a method."""
    return text.replace('"1"', f'"{mark}"').replace("said", "told")


def follow(module: Any, text: str, answers: Callable[[], list[Any]], old: list[Any], new: list[Any]) -> SwapReport:
    """Ask what a framework serves before a swap, after it, after the drain and after a rollback; return the report."""
    assert answers() == old
    report = bf.swap(module, source=second(text))
    assert answers() == new
    bf.drain(module, timeout=30)
    assert answers() == new
    bf.rollback(module)
    assert answers() == old
    return report


def statements(report: SwapReport) -> list[str]:
    """Return what was done again outside of the block, without the places."""
    return [one.partition(": ")[2] for one in report.done_again]


@pytest.fixture
def django() -> Iterator[ModuleType]:
    """Set Django up, once for the process, with a database in memory; what was entered as ``shop`` is forgotten."""
    import django
    from django.conf import settings

    if not settings.configured:
        databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        settings.configure(
            INSTALLED_APPS=[],
            DATABASES=databases,
            DEFAULT_AUTO_FIELD="django.db.models.AutoField",
            USE_TZ=True,
            SECRET_KEY="for the tests",
            ALLOWED_HOSTS=["testserver"],
        )
        django.setup()
    from django.apps import apps
    from django.db import connection

    yield importlib.import_module("django.db")
    connection.close()
    apps.all_models.pop("shop", None)
    apps.clear_cache()
