"""The status page as an application for ASGI and for WSGI: it answers GET and HEAD, and changes nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from blockfreeze.api import registry
from blockfreeze.control import described
from blockfreeze.control.place import default_directory, own_directory
from blockfreeze.coordination.processes import SocketProcesses, told_by
from blockfreeze.pictures.page import POLICY, page
from blockfreeze.pictures.told import listed, many

_logger = logging.getLogger("blockfreeze")

_FRESH: Final = 1.0
"""For how many seconds what was told is good enough: whoever asks more often gets the same."""

Documents = Iterable[Mapping[str, Any]]
Message = dict[str, Any]


def this_process() -> Documents:
    """Yield what this process tells of itself, in the form of ``blockfreeze status --json``."""
    blocks = [described.described(one) for one in registry.all_blocks()]
    yield {"process": described.process(), "blocks": blocks, "events": registry.chronicle().told()}


def this_machine(directory: str | os.PathLike[str] | None = None) -> Documents:
    """Yield what the user's processes on this machine tell that have a control socket.

    Args:
        directory: where the sockets are, as for `blockfreeze.serve_control`.
    """
    place = default_directory() if directory is None else Path(os.path.abspath(directory))
    links = SocketProcesses(own_directory(place) if place.exists() else place).find()
    try:
        replies = told_by(links, events=True)
    finally:
        for link in links:
            link.close()
    yield {
        "processes": [one for one in replies.values() if one.get("ok") and one.get("blocks")],
        "silent": [link.pid for link, one in replies.items() if not one.get("ok")],
    }


def asgi_status(tell: Callable[[], Documents] | Documents | None = None, *, refresh: float = 5.0) -> ASGIStatus:
    """Return an ASGI application that shows what runs: generations, who lingers, what happened, each process.

    It answers GET and HEAD alone, runs no script and loads nothing. ``status.json`` beside it has the same as data.
    What it shows (labels, texts of errors, paths of files) is for those who operate the service: put it where only they
    come.

    Args:
        tell: what is shown: a function that returns documents in the form of ``blockfreeze status --json``, or the
            documents. This process if None; `blockfreeze.pictures.status_page.this_machine` has all that have a control
            socket. It is called in another thread, once a second at most.
        refresh: after how many seconds a browser asks again; never if it is 0. A link on the page stops that.
    """
    return ASGIStatus(_Answers(tell, refresh))


def wsgi_status(tell: Callable[[], Documents] | Documents | None = None, *, refresh: float = 5.0) -> WSGIStatus:
    """Return a WSGI application that shows what runs; see `asgi_status`."""
    return WSGIStatus(_Answers(tell, refresh))


class _Answers:
    """What is answered to a request, whatever the protocol of the server. Threads: any."""

    def __init__(self, tell: Callable[[], Documents] | Documents | None, refresh: float) -> None:
        self._tell: Callable[[], Documents] = this_process if tell is None else tell if callable(tell) else lambda: tell
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


class ASGIStatus:
    """An ASGI application; see `asgi_status`."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    def __repr__(self) -> str:
        return "<ASGI status page>"

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request, or the lifespan of a server; a websocket is refused."""
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        query = scope.get("query_string", b"").decode("ascii", "replace")
        answer = partial(self._answers.answer, scope["method"], path, query)
        status, headers, body = await asyncio.get_running_loop().run_in_executor(None, answer)
        coded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": coded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class WSGIStatus:
    """A WSGI application; see `wsgi_status`."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers

    def __repr__(self) -> str:
        return "<WSGI status page>"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Serve one request."""
        method = environ["REQUEST_METHOD"]
        status, headers, body = self._answers.answer(
            method, environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        )
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [] if method == "HEAD" else [body]
