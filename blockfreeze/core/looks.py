"""Looks at frames of which audit hooks are told: `sys._getframe`, and reading a frame's code, raise audit events.

A hook may be an entry. Its forwarder would look at frames to find out whose call it is, be told of that, look once
more, and so on. So a thread says when it looks.
"""

from __future__ import annotations

import threading


class Looks:
    """Which threads look at frames now, in a way of which audit hooks are told. Threads: each for itself."""

    def __init__(self) -> None:
        self._threads: set[int] = set()

    def begin(self) -> bool:
        """Begin a look of this thread; tell whether there is none under way, which an audit hook would be told of."""
        me = threading.get_ident()
        if me in self._threads:
            return False
        self._threads.add(me)
        return True

    def end(self) -> None:
        """End the look of this thread."""
        self._threads.discard(threading.get_ident())
