"""Patches: names that a test sets from outside. A patch holds in every generation until it is taken back.

`unittest.mock.patch` and its like read a name, set it, and later set what they have read. Two things would go wrong
with that across a swap. The new generation would not have the patch, so that it really does what the test fakes. And
taking the patch back would bring a value of an older version into a newer one. So a patch is put into every generation
that is kept, and into new ones. When the name is set to what it meant before, each generation gets its own value back.

Nothing notices that an attribute of a class or function is set: a swap leaves what it finds there that is not the
version's own. An older version's own value that was put back is recognised at the next swap.

Threads: any thread may set a name while another one swaps; both hold the lock.
"""

from __future__ import annotations

import sys
import threading
from typing import Any
from weakref import WeakKeyDictionary

from blockfreeze.core.safe_access import ABSENT
from blockfreeze.identity.class_attributes import set_item
from blockfreeze.identity.equality import same
from blockfreeze.model.block import Block, Generation, Member


def set_name(block: Block, generation: Generation, member: Member, name: str, value: Any) -> None:
    """Set a name of one generation, or delete it (`ABSENT`): in its namespace, and where its code reads it."""
    namespaces = [member.namespace]
    if name in member.linkage.state and member.name in block.homes:
        namespaces.append(member.home_of(block, name))
    variable = generation.variables.get((member.name, name))
    if variable is not None and value is not ABSENT:
        namespaces.append(variable.home)
    for namespace in namespaces:
        set_item(namespace, name, value)
    cell = member.cells.get(name)
    if cell is not None:
        meant = getattr(sys.modules["builtins"], name, ABSENT) if value is ABSENT else value
        entry = block.entry_of(meant)
        if meant is ABSENT:
            del cell.cell_contents
        else:
            cell.cell_contents = meant if entry is None else generation.locals.get(entry, meant)


class Patches:
    """The names of a block that are patched now; what they mean without the patch is in `Member.beneath`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._patched: dict[tuple[str, str], tuple[Any, Any]] = {}  # what the name meant, and what it means
        self._own: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

    def renew_lock(self) -> None:
        """Forget who holds the lock, see `Block.renew_locks`."""
        self._lock = threading.RLock()

    def put(self, block: Block, generation: Generation, module: str, name: str, value: Any) -> None:
        """Set a name, or delete it (`ABSENT`), in every generation; to set what it meant takes the patch back."""
        key = module, name
        with self._lock:
            if key in self._patched:
                found, _ = self._patched[key]
                if any(same(one, value) for one in (found, *self._beneath(block, module, name))):
                    del self._patched[key]
                    for one, member in _members(block, module):
                        if name in member.beneath:
                            set_name(block, one, member, name, member.beneath.pop(name))
                    return
            else:
                found = generation.members[module].namespace.get(name, ABSENT)
                if found is value:
                    return
            self._patched[key] = found, value
            for one, member in _members(block, module):
                _cover(block, one, member, name, value)

    def apply(self, block: Block, generation: Generation) -> None:
        """Let a generation that is new, or has new members, have the patches."""
        with self._lock:
            for (module, name), (_, value) in self._patched.items():
                member = generation.members.get(module)
                if member is not None and member.finished and name not in member.beneath:
                    _cover(block, generation, member, name, value)

    def is_patch(self, holder: Any, name: str, value: Any, own: Any) -> bool:
        """Tell, at a swap, whether an attribute of a class or function is a patch.

        Args:
            own: what the version that serves has put there.
        """
        if same(value, own):
            self._own.get(holder, {}).pop(name, None)
            return False
        # Whoever takes the patch back puts there what the version had that served when the patch was found.
        return not same(value, self._own.setdefault(holder, {}).setdefault(name, own))

    def _beneath(self, block: Block, module: str, name: str) -> list[Any]:
        return [member.beneath[name] for _, member in _members(block, module) if name in member.beneath]


def _members(block: Block, module: str) -> list[tuple[Generation, Member]]:
    found = [(one, one.members.get(module)) for one in tuple(block.generations.values()) if one.phase.is_complete]
    return [(one, member) for one, member in found if member is not None and member.finished]


def _cover(block: Block, generation: Generation, member: Member, name: str, value: Any) -> None:
    member.beneath.setdefault(name, member.namespace.get(name, ABSENT))
    set_name(block, generation, member, name, value)
