"""What a fenced process answers: 503, and for how long to leave it alone; see `blockfreeze.fleet.fence`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

_BODY = b"This process may serve an old release, and refuses requests until it knows.\n"
_HEADERS = (("Content-Type", "text/plain"), ("Content-Length", str(len(_BODY))), ("Retry-After", "1"))
_TRY_AGAIN_LATER = 1013
"""The close code of RFC 6455's registry."""


def refuse_wsgi(start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a WSGI request."""
    start_response("503 Service Unavailable", list(_HEADERS))
    return [_BODY]


async def refuse_asgi(scope: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer an ASGI request, or close a websocket before it is accepted."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
        return
    headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
