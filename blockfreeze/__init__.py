"""Block compilation for Python modules: a module or package that is replaced as one unit, by one reference store.

See `docs/pages/how-it-works.md` for what freezing means, `blockfreeze.swap` for what a swap does, and
`blockfreeze.core.errors` for what holds after an error. The names below are the whole public interface; each
sub-package is a room of the house, and says in a few lines what it owns and what it may import.
"""

from __future__ import annotations

from blockfreeze.api.advising import advise
from blockfreeze.api.async_swap import aswap
from blockfreeze.api.current import current
from blockfreeze.api.declarations import converts, defvar, entry, inline, notinline
from blockfreeze.api.functions import drain, patched, pin, prepare, rollback, subscribe, swap
from blockfreeze.api.status import status
from blockfreeze.api.ways_in import freeze_block, install
from blockfreeze.control.serving import serve_control
from blockfreeze.core.advice import Advice
from blockfreeze.core.errors import (
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
from blockfreeze.core.events import (
    Committed,
    Converged,
    Drained,
    Event,
    Frozen,
    GateOpened,
    InstancesConverted,
    Lingers,
    Prepared,
    Refused,
    RolledBack,
)
from blockfreeze.core.report import SwapReport
from blockfreeze.core.status import BlockStatus
from blockfreeze.core.version import __version__ as __version__
from blockfreeze.draining.leaving import AskToLeave
from blockfreeze.fleet.following import follow_fleet
from blockfreeze.notebooks.extension import load_ipython_extension as load_ipython_extension
from blockfreeze.notebooks.extension import unload_ipython_extension as unload_ipython_extension
from blockfreeze.pictures.drawing import graph
from blockfreeze.pictures.graph import Graph
from blockfreeze.pictures.status_page import asgi_status, wsgi_status
from blockfreeze.releases.pointer import point
from blockfreeze.servers.asgi import asgi_entry, asgi_pin
from blockfreeze.servers.wsgi import wsgi_entry, wsgi_pin
from blockfreeze.swapping.candidate import Candidate
from blockfreeze.swapping.probation import Probation

__all__ = [
    "Advice",
    "AskToLeave",
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
    "Frozen",
    "FrozenBlockError",
    "GateOpened",
    "Graph",
    "IncompatibleBlockError",
    "InstancesConverted",
    "Lingers",
    "NoSuchGenerationError",
    "PrepareError",
    "Prepared",
    "Probation",
    "Refused",
    "RolledBack",
    "SwapError",
    "SwapInProgressError",
    "SwapReport",
    "advise",
    "asgi_entry",
    "asgi_pin",
    "asgi_status",
    "aswap",
    "converts",
    "current",
    "defvar",
    "drain",
    "entry",
    "follow_fleet",
    "freeze_block",
    "graph",
    "inline",
    "install",
    "notinline",
    "patched",
    "pin",
    "point",
    "prepare",
    "rollback",
    "serve_control",
    "status",
    "subscribe",
    "swap",
    "wsgi_entry",
    "wsgi_pin",
    "wsgi_status",
]
