"""The magics: a module is frozen, swapped and rolled back by a line, or swapped at the boundary of each cell.

A cell is a call of its own. With ``%autoswap`` whatever has been saved since the cell before is one swap for each
block, before the next cell runs: so a cell never sees half of an update, and threads and tasks that it has started go
on in the version in which they began.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from blockfreeze.api import functions, registry, ways_in
from blockfreeze.api.status import status
from blockfreeze.core.errors import BlockfreezeError
from blockfreeze.model.block import Block

_Seen = frozenset[tuple[str, int, int]]
"""What tells whether the files of a block have been saved: path, time of the last change, and size of each."""


@magics_class
class BlockMagics(Magics):
    """The magics of one shell, and what it has seen of the files of its blocks."""

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._seen: dict[str, _Seen] = {}
        self._is_on = False

    @classmethod
    def of(cls, shell: Any) -> BlockMagics:
        """Return the magics of a shell, which are given to it if it has none."""
        known = shell.magics_manager.registry.get(cls.__name__)
        if not isinstance(known, cls):
            known = cls(shell)
            shell.register_magics(known)
        return known

    @line_magic
    def freeze(self, line: str) -> None:
        """``%freeze shop``: make a module or package a block, and import it here. Several names make one block."""
        names = _names(line, "%freeze MODULE...")
        with _told_shortly():
            ways_in.freeze_block(names[0], *names[1:])
        for name in names:
            top = name.partition(".")[0]
            self.shell.user_ns[top] = importlib.import_module(top)
        block = registry.block_of(names[0], "%freeze")
        self._seen[block.name] = _files_of(block)
        print(str(status(sys.modules[names[0]])).partition("\n")[0])

    @line_magic
    def swap(self, line: str) -> None:
        """``%swap shop``: replace a block by what its files are now. Without a name: every block."""
        with _told_shortly():
            for block in _blocks(line):
                self._swap(block)

    @line_magic
    def rollback(self, line: str) -> None:
        """``%rollback shop``: return to the version before."""
        with _told_shortly():
            for block in _blocks(" ".join(_names(line, "%rollback MODULE"))):
                print(functions.rollback(block.roots[0]))

    @line_magic
    def autoswap(self, line: str) -> None:
        """``%autoswap on`` or ``off``: before each cell, swap every block of which a file has been saved."""
        word = line.strip().lower() or "on"
        if word not in ("on", "off"):
            raise UsageError("%autoswap on, or %autoswap off")
        self.stop()
        if word == "on":
            self._is_on = True
            self.shell.events.register("pre_run_cell", self._before_cell)

    def stop(self) -> None:
        """Swap no more before cells."""
        if self._is_on:
            self._is_on = False
            self.shell.events.unregister("pre_run_cell", self._before_cell)

    def _before_cell(self, *_: object) -> None:
        for block in registry.all_blocks():
            now = _files_of(block)
            # What could not be swapped in is tried again when it has been saved again.
            if now != self._seen.setdefault(block.name, now):
                try:
                    self._swap(block)
                except BlockfreezeError as error:
                    # Where nobody takes what is logged, `logging` has shown the refusal itself.
                    if logging.getLogger("blockfreeze").hasHandlers():
                        print(f"{error}", file=sys.stderr)

    def _swap(self, block: Block) -> None:
        self._seen[block.name] = _files_of(block)
        print(functions.swap(block.roots[0]))


@contextmanager
def _told_shortly() -> Iterator[None]:
    """Show an error by its message alone, unless it is one of the module's own code."""
    try:
        yield
    except BlockfreezeError as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, SyntaxError):
            raise
        raise UsageError(str(error)) from error


def _names(line: str, usage: str) -> list[str]:
    names = line.replace(",", " ").split()
    if not names:
        raise UsageError(usage)
    return names


def _blocks(line: str) -> Iterable[Block]:
    names = line.replace(",", " ").split()
    if not names:
        return registry.all_blocks()
    return {id(one): one for one in (registry.block_of(name, "%swap") for name in names)}.values()


def _files_of(block: Block) -> _Seen:
    found = set()
    for member in list(block.current.members.values()):
        file = member.source.file
        if file is not None:
            with suppress(OSError):
                told = Path(file).stat()
                found.add((file, told.st_mtime_ns, told.st_size))
    return frozenset(found)
