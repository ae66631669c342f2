"""An application for WSGI servers that keeps its identity while its block is swapped: one generation per request.

A request is the call of the application, and the iteration and closing of the body that it returns. A server may
iterate a body when other requests have begun, and in another thread. So each request has a pinned context of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from blockfreeze.dispatch.pins import Pin
from blockfreeze.servers.application import PinnedApplication, Target
from blockfreeze.servers.fenced import refuse_wsgi


def wsgi_entry(place: str) -> WSGIEntry:
    """Return a WSGI application that a server can keep for ever; each request is served by one generation.

    What the request's application returns is iterated and closed in that generation too. A new request waits at a
    gate, as a new call does.

    Args:
        place: module and attribute of the application, as in ``"shop.app:app"``; the module belongs to a block.

    Raises:
        BlockfreezeError: the module is not frozen, or the place is not of that form.
        AttributeError: the module has no such attribute.
        ImportError: the block has no such module.
    """
    return WSGIEntry(Target(place))


def wsgi_pin(app: Callable[..., Iterable[bytes]], *modules: Any) -> WSGIEntry:
    """Return a WSGI application outside of every block that serves each request with one generation of some blocks.

    A request that calls a block more than once finds one version of it, also while its body is iterated.

    Args:
        app: the application.
        modules: modules of the blocks, or their names.

    Raises:
        BlockfreezeError: a module is not frozen, or none was named.
    """
    return WSGIEntry(PinnedApplication(app, modules))


class WSGIEntry:
    """A WSGI application; see `wsgi_entry`. Threads: any number may call it."""

    def __init__(self, target: Target | PinnedApplication) -> None:
        self._target = target

    def __repr__(self) -> str:
        return f"<WSGI entry {self._target.place}>"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        if self._target.is_fenced():
            return refuse_wsgi(start_response)
        context = copy_context()
        pin = self._target.pin(f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}".strip())
        context.run(pin.__enter__)
        try:
            body = context.run(lambda: self._target.application()(environ, start_response))
            if not _is_streamed(body, environ):
                context.run(pin.__exit__)
                return body  # type: ignore[no-any-return]
            return _Body(body, context, pin)
        except BaseException:
            context.run(pin.__exit__)
            raise


def _is_streamed(body: Any, environ: dict[str, Any]) -> bool:
    # Servers look at both: at the length of a list, and whether it is their own wrapper of a file.
    wrapper = environ.get("wsgi.file_wrapper")
    return not (isinstance(body, (list, tuple)) or (isinstance(wrapper, type) and isinstance(body, wrapper)))


class _Body:
    """The body of a response: each step of it is made in the context of its request."""

    def __init__(self, body: Iterable[bytes], context: Context, pin: Pin[Any]) -> None:
        self._body = body
        self._iterator: Iterator[bytes] | None = None
        self._context = context
        self._pin = pin

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        return self._context.run(self._step)

    def _step(self) -> bytes:
        if self._iterator is None:
            self._iterator = iter(self._body)
        return next(self._iterator)

    def close(self) -> None:
        """Close the application's body, and end the pin."""
        try:
            self._context.run(self._close)
        finally:
            self._context.run(self._pin.__exit__)

    def _close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
