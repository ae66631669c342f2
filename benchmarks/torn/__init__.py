"""How many calls are torn while a module is replaced under them?

A call is torn if it runs code of two versions. Each part of a shape returns the serial number of the version
that it was written in, so a call's result shows by itself whether it is whole: all its numbers agree. Beside torn
calls the harness counts calls that raised, calls that were stale (they started after a newer version had been
committed or seen, and still ran the older one) and state that was lost.

Each run takes one tool (blockfreeze, importlib.reload of every member, or jurigged) and one shape in one layout, in
a process of its own: some threads call by every route that outside code has, and another one replaces the version.

    python -m benchmarks.torn                        # blockfreeze, every shape, 1,000,000 calls each
    python -m benchmarks.torn --quick --tool all     # smaller, all three tools side by side
"""

from __future__ import annotations
