"""Block compilation for Python modules: a module or package that is replaced as one unit, by one reference store.

See the README for what freezing means, `blockfreeze.swap` for what a swap does, and `blockfreeze.errors` for what
holds after an error. The names below are the whole public interface.
"""

from __future__ import annotations

from blockfreeze.api import (
    defvar,
    drain,
    entry,
    freeze_block,
    install,
    patched,
    prepare,
    rollback,
    status,
)
from blockfreeze.candidate import Candidate
from blockfreeze.errors import (
    BlockfreezeError,
    ControlError,
    DrainTimeoutError,
    EntryRemovedError,
    FreezeError,
    FrozenBlockError,
    IncompatibleBlockError,
    NoSuchGenerationError,
    PrepareError,
    SwapError,
    SwapInProgressError,
)
from blockfreeze.report import BlockStatus, SwapReport

from blockfreeze.api import swap  # isort: skip  # after the module of the same name, which it hides

__all__ = [
    "BlockStatus",
    "BlockfreezeError",
    "Candidate",
    "ControlError",
    "DrainTimeoutError",
    "EntryRemovedError",
    "FreezeError",
    "FrozenBlockError",
    "IncompatibleBlockError",
    "NoSuchGenerationError",
    "PrepareError",
    "SwapError",
    "SwapInProgressError",
    "SwapReport",
    "defvar",
    "drain",
    "entry",
    "freeze_block",
    "install",
    "patched",
    "prepare",
    "rollback",
    "status",
    "swap",
]

__version__ = "0.1.0"
