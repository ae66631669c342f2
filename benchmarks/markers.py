"""Tables in the manual: each stands between two markers, and is put there by the benchmark that has measured it."""

from __future__ import annotations

__all__ = ["put_between"]


def put_between(text: str, begin: str, end: str, table: str) -> str:
    """Return a page's `text` with what stands between the lines `begin` and `end` replaced by `table`.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the page: the markers {begin!r} and {end!r} are not there once each; put them in")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
