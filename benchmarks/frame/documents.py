"""The tables in the project's documents: each stands between two markers, where the program that measures puts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["DOCUMENTS", "ROOT", "markers", "put_between", "write_into_document"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's folder."""

DOCUMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {"benchmarks": "README.md", "conversion": "README.md", "identity": "README.md"}
)
"""By the name of a table, the document in which it stands: the one place that says so."""


def markers(name: str) -> tuple[str, str]:
    """Return the lines between which the table `name` stands."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def put_between(text: str, name: str, table: str) -> str:
    """Return a document's `text` with what stands between the markers of `name` replaced by `table`.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    begin, end = markers(name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the markers {begin!r} and {end!r} are not there once each; put them in")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def write_into_document(name: str, table: str, document: Path | None = None) -> None:
    """Put the table `name` into its document, or into another one that has a place for it.

    Raises:
        ValueError: the document has no place for it.
    """
    file = ROOT / DOCUMENTS[name] if document is None else document
    file.write_text(put_between(file.read_text(encoding="utf-8"), name, table), encoding="utf-8")
