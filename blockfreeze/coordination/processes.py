"""Finding the processes of a user that have a control socket, and asking several at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from blockfreeze.control.frames import Message
from blockfreeze.control.place import process_of, sockets_in
from blockfreeze.coordination.process_link import Link, SocketLink
from blockfreeze.core.errors import ControlError

_ASKING = 10.0
"""How long a process may take to say what it is, in seconds."""


class Processes(Protocol):
    """The processes that can be asked."""

    def find(self) -> list[Link]:
        """Return a link to each process that is there now, and that was not found before."""

    def find_again(self, links: Collection[Link]) -> None:
        """End links, and let the next look find their processes once more."""


class SocketProcesses:
    """The processes whose sockets are in a directory. Those of processes that were killed are removed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._found: set[Path] = set()

    def find(self) -> list[Link]:
        """Return a link to each process that is there now, and that was not found before."""
        links: list[Link] = []
        for path in sockets_in(self._directory):
            if path in self._found:
                continue
            try:
                links.append(SocketLink(path))
                self._found.add(path)
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(OSError):
                    path.unlink()  # nobody has listened there since before it could be seen
            except (ControlError, OSError):
                continue
        return links

    def find_again(self, links: Collection[Link]) -> None:
        """End links, and let the next look find their processes once more."""
        for link in links:
            link.close()
        pids = {link.pid for link in links}
        self._found = {path for path in self._found if process_of(path) not in pids}


def ask_all(links: Iterable[Link], request: Callable[[Link], Message] | Message, timeout: float) -> dict[Link, Message]:
    """Ask several processes the same at the same time, or each its own, and return the reply of each."""
    asked = {link: link.ask(request if isinstance(request, dict) else request(link), timeout) for link in links}
    return {link: answer.wait() for link, answer in asked.items()}


def told_by(
    links: Iterable[Link], block: str | None = None, *, live: bool = False, events: bool = False
) -> dict[Link, Message]:
    """Return what each process says of itself and of its blocks, or of one of them; those that have ended are left out.

    With `live` it says where its threads are, with `events` what has happened.

    What stands for a process that says nothing has no ``"ok"``.
    """
    request: dict[str, Any] = {"do": "status", "block": block, "live": live, "events": events}
    replies = ask_all(links, request, _ASKING)
    return {link: reply for link, reply in replies.items() if reply.get("ok") or reply.get("silent")}
