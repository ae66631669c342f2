"""What holds, as Markdown: a row for each relation, a column for each tool, and three answers in each cell."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from benchmarks.frame.pages import markers, put_between
from benchmarks.frame.tables import Table
from benchmarks.identity.program import Change
from benchmarks.identity.relations import RELATIONS
from benchmarks.identity.tools import version_of

__all__ = ["BEGIN", "END", "NAME", "Findings", "markdown", "readme_with"]

Findings = Mapping[tuple[str, Change], Mapping[str, str]]
"""What holds, by tool and change: what `worker.holds` returned; one entry, ``update``, if the update itself failed."""

NAME = "identity"
BEGIN, END = markers(NAME)


def markdown(findings: Findings) -> str:
    """Return the table, and below it what each kind of update kept."""
    tools = list(dict.fromkeys(tool for tool, _ in findings))
    versions = dict.fromkeys(map(version_of, tools))
    shown = [one for one in versions if not one.startswith("CPython")]
    title = ", ".join((f"CPython {platform.python_version()}", *shown))
    rows = [
        [name, *(", ".join(_shown(findings[tool, change], name) for change in Change) for tool in tools)]
        for name in RELATIONS
    ]
    rows.append(["**all of them**", *(_sums(findings, tool) for tool in tools)])
    return Table([title, *tools], rows).markdown()


def _shown(found: Mapping[str, str], name: str) -> str:
    answer = found.get(name, "not updated")
    return answer if answer in ("yes", "no", "not updated") else f"{answer.partition(':')[0]}"


def _sums(findings: Findings, tool: str) -> str:
    return (
        ", ".join(str(sum(findings[tool, change].get(name) == "yes" for name in RELATIONS)) for change in Change)
        + f" of {len(RELATIONS)}"
    )


def readme_with(text: str, findings: Findings) -> str:
    """Return a page's `text` with the part between the markers replaced.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    return put_between(text, NAME, markdown(findings))
