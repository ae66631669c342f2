"""The public face: exactly these names, with these signatures; additions and changes are made here, knowingly."""

from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

import blockfreeze as bf
from blockfreeze.core import errors, events, report, status

FUNCTIONS = {
    "freeze_block",
    "entry",
    "inline",
    "install",
    "notinline",
    "swap",
    "prepare",
    "rollback",
    "drain",
    "status",
    "advise",
    "patched",
    "converts",
    "defvar",
    "pin",
    "point",
    "serve_control",
    "follow_fleet",
    "subscribe",
    "graph",
    "aswap",
    "current",
    "wsgi_entry",
    "asgi_entry",
    "asgi_pin",
    "asgi_status",
    "wsgi_pin",
    "wsgi_status",
}
CLASSES = {"Advice", "AskToLeave", "Candidate", "Probation", "SwapReport", "BlockStatus", "Graph"}
EVENTS = {
    "Event",
    "Frozen",
    "GateOpened",
    "Prepared",
    "Committed",
    "RolledBack",
    "Drained",
    "Converged",
    "InstancesConverted",
    "Lingers",
    "Refused",
}
ERRORS = {
    "BlockfreezeError",
    "ControlError",
    "DrainTimeoutError",
    "EntryRemovedError",
    "FreezeError",
    "FrozenBlockError",
    "IncompatibleBlockError",
    "NoSuchGenerationError",
    "PrepareError",
    "SwapError",
    "SwapInProgressError",
}


def written(function: Callable[..., object]) -> str:
    """Return the signature as it is written, without annotations."""
    signature = inspect.signature(function)
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def test_all_is_exactly_the_documented_names() -> None:
    assert sorted(bf.__all__) == sorted(FUNCTIONS | CLASSES | ERRORS | EVENTS)
    assert len(set(bf.__all__)) == len(bf.__all__)


def test_nothing_else_that_is_public_can_be_reached_by_accident() -> None:
    modules = {name for name, value in vars(bf).items() if inspect.ismodule(value)}
    public = {name for name in vars(bf) if not name.startswith("_")} - modules - {"annotations"}
    called_by_ipython = {"load_ipython_extension", "unload_ipython_extension"}
    assert public == set(bf.__all__) | called_by_ipython


def test_every_error_is_exported() -> None:
    assert set(errors.__all__) == ERRORS
    assert all(getattr(bf, name) is getattr(errors, name) for name in ERRORS)


def test_every_event_is_exported() -> None:
    assert set(events.__all__) - {"Subscriber", "announce"} == EVENTS
    assert all(getattr(bf, name) is getattr(events, name) for name in EVENTS)


def test_reports_are_the_ones_of_report() -> None:
    assert bf.SwapReport is report.SwapReport
    assert bf.BlockStatus is status.BlockStatus


@pytest.mark.parametrize("name", sorted(FUNCTIONS | CLASSES | ERRORS | EVENTS))
def test_every_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(bf, name))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_public_function_is_annotated(name: str) -> None:
    signature = inspect.signature(getattr(bf, name))
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_an_error_that_a_function_says_it_raises_is_exported_or_built_in(name: str) -> None:
    _, _, raises = (inspect.getdoc(getattr(bf, name)) or "").partition("Raises:\n")
    assert all(
        hasattr(bf, said) or hasattr(builtins, said) for said in re.findall(r"^ +(\w+Error):", raises, re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "freeze_block",
            (
                "module, /, *more, entry_points=(), patchable=False, inline=False, history=2, linger_warning=60.0, "
                "release=None"
            ),
        ),
        ("entry", "function"),
        ("install", "*patterns, release=None"),
        ("point", "pointer, release"),
        ("graph", "module, /, *more, against=None"),
        ("serve_control", "directory=None, *, releases=()"),
        (
            "follow_fleet",
            "block, store, *, release=None, releases=(), fence=None, host=None, directory=None, poll=5.0, expiry=15.0",
        ),
        ("prepare", "module, *, source=None, release=None, label=None, expect_hash=None, wait=False"),
        (
            "swap",
            (
                "module, *, source=None, release=None, label=None, expect_hash=None, check=None, strict=False, "
                "converters=None, quiesce=None, probation=None, wait=False, ask_to_leave=None"
            ),
        ),
        ("current", ""),
        (
            "aswap",
            (
                "module, *, source=None, release=None, label=None, expect_hash=None, check=None, strict=False, "
                "converters=None, quiesce=None, probation=None, wait=False, ask_to_leave=None"
            ),
        ),
        ("pin", "module, /, *more"),
        ("subscribe", "callback"),
        ("wsgi_entry", "place"),
        ("asgi_entry", "place"),
        ("wsgi_pin", "app, *modules"),
        ("asgi_pin", "app, *modules"),
        ("asgi_status", "tell=None, *, refresh=5.0"),
        ("wsgi_status", "tell=None, *, refresh=5.0"),
        ("rollback", "module, *, to=None, quiesce=None, lossy=False, wait=False"),
        ("drain", "module, *, timeout=None, ask_to_leave=None"),
        ("status", "module"),
        ("advise", "module, /, *more, source"),
        ("patched", "module, **replacements"),
        ("defvar", "name, factory, *, version=1, migrate=None, inverse=None"),
        ("converts", "cls, *, version=1, inverse=None"),
    ],
)
def test_signatures_are_the_documented_ones(name: str, expected: str) -> None:
    assert written(getattr(bf, name)) == f"({expected})"


def test_a_candidate_commits_and_discards() -> None:
    assert {"commit", "discard"} <= {name for name in vars(bf.Candidate) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("FreezeError", {"BlockfreezeError"}),
        ("SwapError", {"BlockfreezeError"}),
        ("PrepareError", {"SwapError"}),
        ("IncompatibleBlockError", {"SwapError"}),
        ("SwapInProgressError", {"SwapError"}),
        ("NoSuchGenerationError", {"SwapError", "LookupError"}),
        ("FrozenBlockError", {"BlockfreezeError", "AttributeError"}),
        ("EntryRemovedError", {"BlockfreezeError", "AttributeError"}),
        ("DrainTimeoutError", {"BlockfreezeError", "TimeoutError"}),
        ("ControlError", {"BlockfreezeError"}),
    ],
)
def test_errors_inherit_what_users_already_catch(name: str, bases: set[str]) -> None:
    assert {base.__name__ for base in getattr(bf, name).__bases__} == bases


def documented_facts(kind: type[bf.BlockfreezeError]) -> set[str]:
    """Return the attributes that the class's documentation names, its bases' included."""
    texts = [one.__doc__ or "" for one in kind.__mro__ if issubclass(one, bf.BlockfreezeError)]
    return {
        name
        for text in texts
        for said in re.findall(r"Attributes?: ([^.]*)", text)
        for name in re.findall(r"`(\w+)`", said)
    }


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_keep_message_and_facts_through_pickling(name: str) -> None:
    kind = getattr(bf, name)
    facts = {fact: f"the {fact}" for fact in documented_facts(kind)}
    error = kind("shop: no such thing, 'foo': it was removed; import it again", **facts)
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(same) is kind
        assert str(same) == same.args[0] == error.args[0]
        assert {fact: getattr(same, fact) for fact in facts} == facts


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_errors_compose_on_one_line_and_are_raised_as_they_are(name: str) -> None:
    kind = getattr(bf, name)
    with pytest.raises(kind, match=r"^one message$") as raised:
        raise kind("one message")
    assert raised.value.args == ("one message",)
