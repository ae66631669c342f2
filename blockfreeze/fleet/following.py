"""`follow_fleet`: the one line by which a process follows the pointer of its fleet."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from blockfreeze.api import registry
from blockfreeze.api.ways_in import install
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.names import EXPIRY, POLL, now
from blockfreeze.fleet.store import Message, Store, StoreError, open_store
from blockfreeze.releases.pointer import pointed

if TYPE_CHECKING:
    from blockfreeze.fleet.follower import Follower

_logger = logging.getLogger("blockfreeze")

PathGiven = str | os.PathLike[str]


def follow_fleet(
    block: str,
    store: str | Store,
    *,
    release: PathGiven | None = None,
    releases: Iterable[PathGiven] = (),
    fence: float | None = None,
    host: str | None = None,
    directory: PathGiven | None = None,
    poll: float = POLL,
    expiry: float = EXPIRY,
) -> Follower:
    """Let a block come up in the release that its fleet's pointer names, and follow that from now on.

    To be called before the block is first imported: it becomes a block then, as by `install`. While the engine cannot
    be reached, what starts comes up in the release that was pointed at when a process of this machine last saw it.

    Args:
        block: the name of the module.
        store: the engine, or its URL: ``redis://host:port/0``, ``file:///directory``, ``sqlite:///file``.
        release: what the pointer is to name if the engine has none for this block yet.
        releases: directories in which releases may be; if there are none, that of the release which is pointed at.
        fence: refuse requests after so many seconds without the engine; never if None.
        host: the name of this machine, for canaries; that of the system if None.
        directory: where this machine keeps its pointer and artifacts; in the user's cache if None.
        poll: after so many seconds the pointer is read though nothing has told of a change.
        expiry: a process that has said nothing for so many seconds counts as gone.

    Returns:
        the follower; closing it leaves the block as it is.

    Raises:
        ControlError: there is no pointer and no release was given; the release cannot be had here; or the engine is not
            reached, and this machine has never seen the pointer.
        FreezeError: the block exists already, and has another pointer.
    """
    from blockfreeze.fleet.fence import Fence
    from blockfreeze.fleet.fetched import Fetched
    from blockfreeze.fleet.follower import Follower

    url = store if isinstance(store, str) else type(store).__name__
    engine = open_store(store) if isinstance(store, str) else store
    fetched = Fetched(engine, url, block, None if directory is None else Path(directory))
    try:
        first = _first(engine, block, None if release is None else pointed(release))
        fetched.lead_to(first)
    except StoreError as error:
        if not fetched.pointer.exists():
            raise ControlError(f"{block}: {error}; this machine has never seen the fleet's pointer") from error
        _logger.warning("%s: it comes up in the release that was pointed at last: %s", block, error)
    except (OSError, ValueError) as error:
        raise ControlError(f"{block}: the fleet's release cannot be had here: {error}") from error
    install(block, release=fetched.pointer)
    barrier = None if fence is None else Fence(fence)
    if barrier is not None:
        registry.fence(block, barrier.is_shut)
    roots = [Path(one).resolve() for one in releases]
    return Follower(engine, block, fetched, releases=roots, fence=barrier, host=host, poll=poll, expiry=expiry)


def _first(store: Store, block: str, release: Path | None) -> Message:
    """Return what the pointer names; if there is no pointer, it names `release` from now on."""
    found = store.read(block)
    if found is None:
        if release is None:
            raise ControlError(f"{block}: the fleet has no pointer for it yet; say with which --release it begins")
        from blockfreeze.fleet.fetched import reference

        first = reference(store, release, "")
        if store.change(block, 0, {"release": first, "previous": [], "rollout": None}):
            store.note(block, {"at": now(), "what": "begin", "to": first, "outcome": "done"})
        found = store.read(block)
    assert found is not None
    release_named: Message = found.value["release"]
    return release_named
