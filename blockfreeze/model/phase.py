"""The life of a generation, as one value.

==========  ============================================================  ==============================
phase       what it means                                                 what comes next
==========  ============================================================  ==============================
OPENING     the first of its block: it serves while its bodies run        IN_SERVICE
BUILDING    a later one: its bodies run, and nobody can reach it          PREPARED, or it is abandoned
PREPARED    its bodies have run; a candidate, or about to be committed    IN_SERVICE, or it is abandoned
IN_SERVICE  it serves, or was left while calls may still run in it        DRAINED
DRAINED     it was left, and nothing has run in it since                  IN_SERVICE, by a rollback
==========  ============================================================  ==============================

Whether a generation that is in service is the current one is read off the block's one reference, and nowhere else.
"""

from __future__ import annotations

import enum


class Phase(enum.Enum):
    """Where in its life a generation is. Changed only by the thread that builds it, or that holds the claim."""

    OPENING = "opening"
    BUILDING = "building"
    PREPARED = "prepared"
    IN_SERVICE = "in service"
    DRAINED = "drained"

    @property
    def is_complete(self) -> bool:
        """Whether all bodies have run."""
        return self not in (Phase.OPENING, Phase.BUILDING)

    @property
    def has_served(self) -> bool:
        """Whether new calls have been served in it, so that what its code does can be seen by others."""
        return self not in (Phase.BUILDING, Phase.PREPARED)

    def completed(self) -> Phase:
        """Return the phase after the bodies have run."""
        return {Phase.OPENING: Phase.IN_SERVICE, Phase.BUILDING: Phase.PREPARED}.get(self, self)
