"""An ASGI application whose control socket is open while its server runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from blockfreeze.control.serving import PathGiven, serve_control

Application = Callable[[Any, Any, Any], Awaitable[None]]


def with_control(
    app: Application, directory: PathGiven | None = None, *, releases: Iterable[PathGiven] = ()
) -> Application:
    """Return an ASGI application that opens the control socket when the server starts, and closes it when it stops.

    If the server has no lifespan events, the first connection opens it.

    Args:
        app: the application that serves.
        directory: as for `serve_control`.
        releases: as for `serve_control`.
    """
    roots = tuple(releases)

    async def served(scope: Any, receive: Any, send: Any) -> None:
        control = serve_control(directory, releases=roots)
        try:
            await app(scope, receive, send)
        finally:
            if scope["type"] == "lifespan":
                control.close()

    return served
