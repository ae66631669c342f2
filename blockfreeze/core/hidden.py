"""What `gc.freeze` has hidden from the collector: whether there is anything.

To count it takes as long as there are objects, and what is frozen mostly stays so: it is counted until something is.
"""

from __future__ import annotations

import gc


class HiddenObjects:
    """Whether the collector may not see some object. Threads: any."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found = False

    def there_are(self) -> bool:
        """Tell whether something is, or was once, hidden from the collector."""
        self._found = self._found or gc.get_freeze_count() > 0
        return self._found
