"""The IPython extension: ``%load_ext blockfreeze``."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Give an IPython shell the magics ``%freeze``, ``%swap``, ``%rollback`` and ``%autoswap``.

    IPython calls this for ``%load_ext blockfreeze``; a second time it changes nothing. Threads: the shell's own.
    """
    from blockfreeze.notebooks.magics import BlockMagics

    BlockMagics.of(shell)


def unload_ipython_extension(shell: Any) -> None:
    """End ``%autoswap``; the blocks stay what they are, and the magics with them."""
    from blockfreeze.notebooks.magics import BlockMagics

    BlockMagics.of(shell).stop()
