"""What may be met across two versions and is no error: plain values, like the results in `report`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

WARNING: Final = "warning"
"""The two versions cannot both be right about what they share, as far as their texts tell."""

NOTE: Final = "note"
"""It depends on what the program does with it."""


@dataclass(frozen=True)
class Advice:
    """A change of meaning between two versions that something may meet which is of one version, in the other.

    `kind` is ``result``, ``exception``, ``default``, ``order``, ``constant``, ``attribute``, ``members``, ``keys``,
    ``fields``, ``instances`` or ``state``; `level` is ``warning`` or ``note``. `name` is qualified by its module.
    `before` and `after` are places, ``file:line``, in the two versions. `who` says what may meet it, and `remedy` what
    to do about it.
    """

    kind: str
    level: str
    name: str
    before: str
    after: str
    what: str
    who: str
    remedy: str

    def to_json(self) -> dict[str, object]:
        """Return the advice as a dictionary of JSON-serialisable values."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.level}: {self.name}: {self.what}\n  {self.before} -> {self.after}\n"
            f"  who meets it: {self.who}\n  what to do: {self.remedy}"
        )
