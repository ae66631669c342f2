"""The status page as an application for ASGI and for WSGI: it answers GET and HEAD, and changes nothing.

What it needs is imported when an application is made.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blockfreeze.api import registry

if TYPE_CHECKING:
    from blockfreeze.pictures.answers import Answers

Documents = Iterable[Mapping[str, Any]]
Message = dict[str, Any]


def this_process() -> Documents:
    """Yield what this process tells of itself, in the form of ``blockfreeze status --json``."""
    from blockfreeze.control import described

    blocks = [described.described(one) for one in registry.all_blocks()]
    yield {"process": described.process(), "blocks": blocks, "events": registry.chronicle().told()}


def this_machine(directory: str | os.PathLike[str] | None = None) -> Documents:
    """Yield what the user's processes on this machine tell that have a control socket.

    Args:
        directory: where the sockets are, as for `blockfreeze.serve_control`.
    """
    from blockfreeze.control.place import default_directory, own_directory
    from blockfreeze.coordination.processes import SocketProcesses, told_by

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
    return ASGIStatus(_answers(tell, refresh))


def wsgi_status(tell: Callable[[], Documents] | Documents | None = None, *, refresh: float = 5.0) -> WSGIStatus:
    """Return a WSGI application that shows what runs; see `asgi_status`."""
    return WSGIStatus(_answers(tell, refresh))


def _answers(tell: Callable[[], Documents] | Documents | None, refresh: float) -> Answers:
    from blockfreeze.pictures.answers import Answers

    if tell is None:
        return Answers(this_process, refresh)
    return Answers(tell if callable(tell) else lambda: tell, refresh)


class ASGIStatus:
    """An ASGI application; see `asgi_status`."""

    def __init__(self, answers: Answers) -> None:
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
        import asyncio

        path = scope["path"].removeprefix(scope.get("root_path", ""))
        query = scope.get("query_string", b"").decode("ascii", "replace")
        answer = partial(self._answers.answer, scope["method"], path, query)
        status, headers, body = await asyncio.get_running_loop().run_in_executor(None, answer)
        coded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": coded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class WSGIStatus:
    """A WSGI application; see `wsgi_status`."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def __repr__(self) -> str:
        return "<WSGI status page>"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Serve one request."""
        from http import HTTPStatus

        method = environ["REQUEST_METHOD"]
        status, headers, body = self._answers.answer(
            method, environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        )
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [] if method == "HEAD" else [body]
