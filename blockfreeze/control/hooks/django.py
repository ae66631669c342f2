"""A Django application that opens the control socket: ``"blockfreeze.control.hooks.django.Control"`` is installed."""

from __future__ import annotations

from django.apps import AppConfig  # type: ignore[import-untyped]

from blockfreeze.control.serving import serve_control


class Control(AppConfig):  # type: ignore[misc]
    """Has no models; opens the socket as soon as all applications are loaded."""

    name = "blockfreeze.control.hooks"
    label = "blockfreeze_control"

    def ready(self) -> None:
        """Open it."""
        serve_control()
