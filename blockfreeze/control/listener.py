"""The control socket of this process: a thread that lets those in who may, and a session for each.

Fork: the parent's thread is at rest while it forks, if it is not at work, so that the child is of one thread. The child
closes what it has inherited, discards what waits for a controller that is not its own, opens a socket of its own, and
goes where the release pointer leads.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from blockfreeze.api import registry
from blockfreeze.api.following import follow_at_start
from blockfreeze.control import frames
from blockfreeze.control.described import is_complete
from blockfreeze.control.peers import is_own, user_of
from blockfreeze.control.place import new_socket, own_directory
from blockfreeze.control.session import Session
from blockfreeze.control.short_names import short_name
from blockfreeze.core.errors import BlockfreezeError, ControlError

_logger = logging.getLogger("blockfreeze")

_AT_ONCE: Final = 16
"""How many sessions there may be at a time."""


class ControlSocket:
    """The control socket of this process: `path` is where it is. Threads: any."""

    def __init__(self, directory: Path, roots: tuple[Path, ...]) -> None:
        self._directory = own_directory(directory)
        self.roots = roots
        self._process = os.getpid()
        self._closed = False
        self._sessions: dict[Session, socket.socket] = {}
        self._changed = threading.Lock()
        self.path = new_socket(directory)
        self._server = _listening(self.path)
        self._thread: threading.Thread | None = None
        self._wake: tuple[socket.socket, socket.socket] = socket.socketpair()
        self._begin()
        atexit.register(self.close)
        os.register_at_fork(before=self._rest, after_in_parent=self._go_on, after_in_child=self._renew)

    def __repr__(self) -> str:
        return f"<control socket {self.path}{', closed' if self._closed else ''}>"

    def close(self) -> None:
        """Close the socket and end the sessions; what waits in them is discarded."""
        if self._closed:
            return
        self._closed = True
        if registry.control() is self:
            registry.forget_control()
        atexit.unregister(self.close)
        self._rest()
        for one in (self._server, *self._wake):
            one.close()
        if self._process == os.getpid():
            with suppress(OSError):
                self.path.unlink()
        with self._changed:
            connections = list(self._sessions.values())
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # its session's read ends

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._accept, name="blockfreeze control", daemon=True)
        self._thread.start()

    def _rest(self) -> None:
        """Let the thread end, and wait for that: it is never at work for long."""
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._wake[0].send(b".")
            thread.join()

    def _go_on(self) -> None:
        if not self._closed and self._thread is None:  # another thread may have forked meanwhile
            self._begin()

    def _renew(self) -> None:
        """In the child of a fork: have a socket of its own, instead of what was inherited."""
        self._server.close()
        for one in self._wake:
            one.close()
        inherited, self._sessions = self._sessions, {}
        for session, connection in inherited.items():
            connection.close()
            session.forget_inherited()
        if self._closed:
            return
        blocks = [one for one in registry.all_blocks() if is_complete(one)]
        for block in blocks:
            block.current.build.awaits_pointer = True  # it does not serve yet
        self._changed = threading.Lock()
        self._process = os.getpid()
        try:
            self._wake = socket.socketpair()
            self.path = new_socket(self._directory)
            self._server = _listening(self.path)
            self._begin()
        except (OSError, RuntimeError):
            self._closed = True
            _logger.exception("the child of a fork has no control socket")
        # Not before the socket is there: who moves the pointer looks for sockets afterwards.
        for block in blocks:
            try:
                follow_at_start(block)
            except (BlockfreezeError, OSError, ValueError):
                _logger.exception("%s: the pointed release was refused; the child goes on as it was forked", block.name)

    def _accept(self) -> None:
        while True:
            ready = select.select([self._server, self._wake[1]], [], [])[0]
            if self._wake[1] in ready:
                self._wake[1].recv(1)
                return
            try:
                connection, _ = self._server.accept()
            except OSError as error:
                # Nobody is there any more, or there are no file descriptors: those who wait try again.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    select.select([self._wake[1]], [], [], 0.1)
                continue
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        try:
            refusal = self._refusal(connection)
            if refusal is None:
                session = Session(connection, self._directory, self.roots)
                with self._changed:
                    self._sessions[session] = connection
                threading.Thread(
                    target=self._serve, args=(session,), name="blockfreeze control session", daemon=True
                ).start()
                return
            _logger.warning("a control connection was refused: %s", refusal)
            connection.setblocking(False)
            connection.send(frames.encode({"ok": False, "error": "ControlError", "message": refusal}, 4096))
        except (OSError, RuntimeError) as error:
            _logger.warning("a control connection was refused: %s", error)
        connection.close()

    def _refusal(self, connection: socket.socket) -> str | None:
        if not is_own(connection):
            return f"user {user_of(connection)} is another one than this process's ({os.geteuid()})"
        return f"there are {_AT_ONCE} sessions already" if len(self._sessions) >= _AT_ONCE else None

    def _serve(self, session: Session) -> None:
        try:
            session.serve()
        except Exception:
            _logger.exception("a control session has failed")
        finally:
            with self._changed:
                self._sessions.pop(session, None)


def _listening(path: Path) -> socket.socket:
    """Return a socket that listens at a path from the first moment at which somebody can see it there.

    Raises:
        ControlError: the path is too long, or cannot be made.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hidden = path.with_name(f".{path.name}")
    try:
        with short_name(hidden) as name:
            server.bind(name)
        hidden.chmod(0o600)
        server.listen(_AT_ONCE)
        server.setblocking(False)
        hidden.rename(path)
    except OSError as error:
        server.close()
        with suppress(OSError):
            hidden.unlink()
        raise ControlError(f"{path}: the control socket cannot be made: {error}; name another directory") from error
    return server
