"""The plugin of pytest: ``--blockfreeze PKG`` freezes the package under test, and the mark ``update`` tries updates.

``@pytest.mark.update(from_=DIR, to=DIR)`` runs a test in processes of its own: started afresh with the new version;
and started afresh with the version before, once for each boundary of the test's calls into the package, with the swap
there. It fails if it fails at a boundary. `from_` is what imports find if it is not given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from blockfreeze.api.ways_in import freeze_block
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.testing.update import LIMIT, at_each_boundary

_ORDERS = "BLOCKFREEZE_UPDATE"
"""The environment variable that tells a process which this plugin has started what it is to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("blockfreeze", "updates of running programs")
    group.addoption(
        "--blockfreeze",
        action="append",
        default=[],
        metavar="PKG",
        help="freeze this package before anything imports it; its functions can be patched (may be repeated)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers",
        "update(to, from_=None, package=None, limit=200): try an update to another version of a package at each "
        "boundary of the test's calls into it",
    )


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Freeze what was asked for, before a conftest can import it."""
    orders = _orders()
    names = [orders["package"]] if orders else early_config.known_args_namespace.blockfreeze
    for name in names:
        try:
            freeze_block(name, patchable=True, release=orders["release"] or None if orders else None)
        except BlockfreezeError as error:
            raise pytest.UsageError(f"--blockfreeze: {error}") from error


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test that has the mark run as that says: whatever it is, a function, a coroutine or a method."""
    for item in items:
        mark = item.get_closest_marker("update")
        if mark is not None and isinstance(item, pytest.Function):
            # Plugins that run coroutines do so in this method of their own classes, or in hooks that it calls.
            setattr(item, "runtest", partial(_run_marked, item, item.runtest, mark.kwargs))  # noqa: B010


def _run_marked(item: pytest.Function, run: Callable[[], object], said: Mapping[str, Any]) -> None:
    orders = _orders()
    if orders is None:
        _compare(item, said)
    elif not orders["to"]:
        run()  # started afresh with the new version: the test as it is
    else:
        _try_boundaries(item, run, orders)


def _try_boundaries(item: pytest.Function, run: Callable[[], object], orders: Mapping[str, Any]) -> None:
    case = item.instance

    def call() -> None:
        # What a test says of itself, that it is to be skipped, is no failure.
        with suppress(pytest.skip.Exception, unittest.SkipTest):
            if isinstance(case, unittest.TestCase):
                case.debug()  # it raises what the test raises, which otherwise is stored, for a report
            else:
                run()

    found = at_each_boundary(call, orders["package"], orders["to"], limit=orders["limit"], judge=lambda _: True)
    failures = [{"said": str(one), "trace": one.trace} for one in found.failures]
    told = {"boundaries": found.boundaries + 1, "tried": len(found.tried), "failures": failures}
    Path(orders["answer"]).write_text(json.dumps(told), encoding="utf-8")


def _orders() -> dict[str, Any] | None:
    text = os.environ.get(_ORDERS)
    return json.loads(text) if text else None


def _compare(item: pytest.Function, said: Mapping[str, Any]) -> None:
    """Run a test in processes of its own, and fail it as it fails there."""
    packages = [said["package"]] if said.get("package") else item.config.getoption("--blockfreeze")
    if len(packages) != 1 or "to" not in said:
        pytest.fail("the mark 'update' needs to=, and package= or one --blockfreeze", pytrace=False)
    before, after = (_place(item, said.get(name)) for name in ("from_", "to"))
    _, words = _run(item, {"package": packages[0], "release": after, "to": ""})
    if words:
        pytest.fail(f"it fails in {after!r} started afresh, without any update:\n{words}", pytrace=False)
    orders = {"package": packages[0], "release": before, "to": after, "limit": said.get("limit", LIMIT)}
    found, words = _run(item, orders)
    if words or found is None:
        pytest.fail(f"it fails before the update:\n{words}", pytrace=False)
    counts = {"boundaries": found["boundaries"], "tried": found["tried"], "failures": len(found["failures"])}
    item.user_properties += [(f"update_{what}", count) for what, count in counts.items()]
    if found["failures"]:
        first, count = found["failures"][0], len(found["failures"])
        pytest.fail(
            f"an update fails at {count} of {found['tried']} boundaries tried, of {found['boundaries']}; the shortest "
            f"way there:\n{first['said']}\n\n{first['trace']}",
            pytrace=False,
        )


def _place(item: pytest.Function, given: str | os.PathLike[str] | None) -> str:
    """Return where a version is; a relative path is relative to the directory of the test's file."""
    return "" if given is None else str((item.path.parent / given).resolve())


def _run(item: pytest.Function, orders: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Run one test in a process of its own; return what it tells, and what pytest said if it failed."""
    config = item.config
    name = next(
        (name for name, plugin in config.pluginmanager.list_name_plugin() if plugin is sys.modules[__name__]), ""
    )
    named = [] if name == "blockfreeze" else ["-p", __name__]  # otherwise it is found as an installed plugin
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *named,
        "--rootdir",
        str(config.rootpath),
    ]
    with tempfile.TemporaryDirectory() as work:
        answer = Path(work, "answer")
        environment = {**os.environ, _ORDERS: json.dumps(orders | {"answer": str(answer)})}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        ran = subprocess.run(
            [*command, str(item.path) + "::" + item.nodeid.partition("::")[2]],
            check=False,
            capture_output=True,
            text=True,
            cwd=config.invocation_params.dir,
            env=environment,
        )
        told = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else None
    return told, "" if ran.returncode == 0 else f"{ran.stdout}\n{ran.stderr}".strip()
