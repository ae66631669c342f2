"""The suite's own place for linked modules: one directory for the session, where a text is found by what is in it.

Most of what a freeze and a swap take is the linking, and the tests link the same few texts hundreds of times, each in a
directory of its own. What lies on disk has a key with whatever linking depends on; `test_linked_files.py` holds it to
that. So here the key alone says where it lies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from blockfreeze.building import link_cache, linked_files
from blockfreeze.model.block import Block
from blockfreeze.versions.module_source import ModuleSource


@contextmanager
def linked_modules_in(place: Path) -> Iterator[None]:
    """Let everything that is linked lie in a directory, also texts without files, and whatever a test says of .pyc."""

    class Stored(link_cache.StoredLink):
        def __init__(self, block: Block, source: ModuleSource, made_before: frozenset[str]) -> None:
            super().__init__(block, source, made_before)
            if self.key:
                self.file = place / sha256(self.key).hexdigest()

    def write(file: Path, data: bytes, source: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", False)
            linked_files.write_linked(file, data, source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_cache, "StoredLink", Stored)
        patch.setattr(link_cache, "write_linked", write)
        yield


_REAL = link_cache.StoredLink, link_cache.write_linked


@contextmanager
def linked_where_users_have_it() -> Iterator[None]:
    """Let what is linked lie beside its source again, for tests of just that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_cache, "StoredLink", _REAL[0])
        patch.setattr(link_cache, "write_linked", _REAL[1])
        yield
