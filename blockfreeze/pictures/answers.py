"""What the status page answers to a request, whatever the protocol of the server."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from blockfreeze.pictures.page import POLICY, page
from blockfreeze.pictures.told import listed, many

_logger = logging.getLogger("blockfreeze")

_FRESH: Final = 1.0
"""For how many seconds what was told is good enough: whoever asks more often gets the same."""

Documents = Iterable[Mapping[str, Any]]


class Answers:
    """What is answered to a request, whatever the protocol of the server. Threads: any."""

    def __init__(self, tell: Callable[[], Documents], refresh: float) -> None:
        self._tell = tell
        self._refresh = refresh
        self._telling = threading.Lock()
        self._told: tuple[float, list[Mapping[str, Any]]] = (float("-inf"), [])

    def answer(self, method: str, path: str, query: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return the status, the headers and the body; `path` is what follows the place of the application."""
        if method not in ("GET", "HEAD"):
            return _answer(405, "text/plain", "Only GET and HEAD are answered.\n", ("allow", "GET, HEAD"))
        if path.strip("/") not in ("", "status.json"):
            return _answer(404, "text/plain", "There is only the page, and status.json beside it.\n")
        try:
            documents = self._documents()
            if path.strip("/"):
                return _answer(200, "application/json", json.dumps([*map(without_arguments, documents)], default=str))
            rests = "rest" in query.split("&")
            link = "?" if rests else "?rest"
            shown = page(
                documents, time.time(), refresh=0 if rests else self._refresh, link=link if self._refresh else ""
            )
            return _answer(200, "text/html", shown)
        except Exception:
            _logger.exception("the status page has failed")
            return _answer(500, "text/plain", "What runs could not be found out; the log has more.\n")

    def _documents(self) -> list[Mapping[str, Any]]:
        with self._telling:
            at, found = self._told
            if time.monotonic() - at > _FRESH:
                found = list(self._tell())
                self._told = (time.monotonic(), found)
            return found


def without_arguments(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a process or several tell, without what their programs were given, which may be secret."""
    if "processes" in document:
        return {**document, "processes": [*map(without_arguments, listed(document["processes"]))]}
    process = document.get("process")
    if not isinstance(process, Mapping):
        return document
    return {**document, "process": {**process, "program": many(process.get("program"))[:1]}}


def _answer(status: int, kind: str, text: str, *more: tuple[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    body = text.encode("utf-8", "backslashreplace")
    headers = [
        ("content-type", f"{kind}; charset=utf-8"),
        ("content-length", str(len(body))),
        ("content-security-policy", f"{POLICY}; frame-ancestors 'none'"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        *more,
    ]
    return status, headers, body
