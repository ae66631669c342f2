"""Block compilation for Python modules: a module or package that is replaced as one unit, by one reference store.

See the README for what freezing means, `blockfreeze.swap` for what a swap does, and `blockfreeze.errors` for what
holds after an error. The names below are the whole public interface.
"""

from __future__ import annotations

from blockfreeze.api import (
    drain,
    freeze_block,
    install,
    patched,
    pin,
    prepare,
    rollback,
    status,
    subscribe,
)
from blockfreeze.asgi import asgi_entry
from blockfreeze.candidate import Candidate
from blockfreeze.checkpoints import current
from blockfreeze.declarations import converts, defvar, entry
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
from blockfreeze.events import (
    Committed,
    Converged,
    Drained,
    Event,
    InstancesConverted,
    Prepared,
    Refused,
    RolledBack,
)
from blockfreeze.loops import aswap
from blockfreeze.probation import Probation
from blockfreeze.report import BlockStatus, SwapReport
from blockfreeze.wsgi import wsgi_entry

from blockfreeze.api import swap  # isort: skip  # after the module of the same name, which it hides

__all__ = [
    "BlockStatus",
    "BlockfreezeError",
    "Candidate",
    "Committed",
    "ControlError",
    "Converged",
    "DrainTimeoutError",
    "Drained",
    "EntryRemovedError",
    "Event",
    "FreezeError",
    "FrozenBlockError",
    "IncompatibleBlockError",
    "InstancesConverted",
    "NoSuchGenerationError",
    "PrepareError",
    "Prepared",
    "Probation",
    "Refused",
    "RolledBack",
    "SwapError",
    "SwapInProgressError",
    "SwapReport",
    "asgi_entry",
    "aswap",
    "converts",
    "current",
    "defvar",
    "drain",
    "entry",
    "freeze_block",
    "install",
    "patched",
    "pin",
    "prepare",
    "rollback",
    "status",
    "subscribe",
    "swap",
    "wsgi_entry",
]

__version__ = "0.1.0"
