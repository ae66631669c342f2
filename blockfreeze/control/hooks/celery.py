"""A bootstep of Celery's workers that opens the control socket before they fork: ``add_control(app)``."""

from __future__ import annotations

from typing import Any

from celery import bootsteps  # type: ignore[import-untyped]

from blockfreeze.control.serving import serve_control


class Control(bootsteps.StartStopStep):  # type: ignore[misc]
    """Opens the socket when the worker is put together; a process of its pool has its own, from the fork on."""

    def create(self, parent: Any) -> None:
        """Open it. Nothing is to be started then."""
        serve_control()


def add_control(app: Any) -> None:
    """Let every worker of an application open the control socket."""
    app.steps["worker"].add(Control)
