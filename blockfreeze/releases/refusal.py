"""Why a release is not read."""

from __future__ import annotations


class ReleaseRefusedError(ValueError):
    """A release is not read: it changes, lies outside of where releases may be, or is not what it has to be."""
