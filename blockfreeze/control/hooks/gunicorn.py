"""A configuration of gunicorn that opens the control socket: ``gunicorn -c python:blockfreeze.control.hooks.gunicorn``.

Who has a configuration file of his own imports `on_starting` and `post_fork` into it.
"""

from __future__ import annotations

from typing import Any

from blockfreeze.control.serving import serve_control


def on_starting(server: Any) -> None:
    """Open the master's socket if it has loaded the application: workers that it forks later come up in what it has."""
    if server.cfg.preload_app:
        serve_control()


def post_fork(server: Any, worker: Any) -> None:
    """Open a worker's socket, if it has not got one by the fork."""
    serve_control()
