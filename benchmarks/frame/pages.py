"""The tables in the manual: each stands between two markers, where the program that measures puts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["PAGES", "ROOT", "markers", "put_between", "write_into_page"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's folder."""

PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "advice": "docs/pages/check.md",
        "benchmarks": "docs/pages/costs.md",
        "conversion": "docs/pages/costs.md",
        "fleet": "docs/pages/fleet.md",
        "identity": "docs/pages/comparison.md",
        "saves": "docs/pages/watch.md",
        "update_kit": "docs/pages/testing.md",
        "upgrades": "docs/pages/upgrading.md",
        "identity_in_notebooks": "docs/pages/notebooks.md",
        "operate": "docs/pages/comparison.md",
    }
)
"""By the name of a table, the page on which it stands: the one place that says so."""


def markers(name: str) -> tuple[str, str]:
    """Return the lines between which the table `name` stands."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def put_between(text: str, name: str, table: str) -> str:
    """Return a page's `text` with what stands between the markers of `name` replaced by `table`.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    begin, end = markers(name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the page: the markers {begin!r} and {end!r} are not there once each; put them in")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def write_into_page(name: str, table: str, page: Path | None = None) -> None:
    """Put the table `name` into its page, or into another one that has a place for it.

    Raises:
        ValueError: the page has no place for it.
    """
    file = ROOT / PAGES[name] if page is None else page
    file.write_text(put_between(file.read_text(encoding="utf-8"), name, table), encoding="utf-8")
