"""What the clients saw, counted in bounded memory: verdicts, latencies, and examples of what went wrong.

`Tally` is written by the client threads and read by the observer, under one lock; `Totals` is the immutable
picture that displays and reports use. Invariant: ``requests == old + new + torn + failed``.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import asdict, dataclass

_DISTINCT_FAILURES = 20


class Latencies:
    """A histogram with buckets that grow by 4 %: percentiles are right within 2 %, whatever the number of values."""

    _SHORTEST = 1e-6
    _GROWTH = math.log(1.04)
    _BUCKETS = 500

    def __init__(self) -> None:
        self._counts = [0] * self._BUCKETS

    def add(self, seconds: float) -> None:
        """Count one latency; what is shorter than a microsecond or longer than minutes falls into the end buckets."""
        bucket = int(math.log(max(seconds, self._SHORTEST) / self._SHORTEST) / self._GROWTH)
        self._counts[min(bucket, self._BUCKETS - 1)] += 1

    def percentile(self, fraction: float) -> float:
        """Return the latency in seconds that `fraction` of the values do not exceed; 0.0 if there are none."""
        wanted = fraction * sum(self._counts)
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return self._SHORTEST * math.exp((bucket + 0.5) * self._GROWTH)
        return 0.0


@dataclass(frozen=True)
class Totals:
    """What one round came to. Latencies are in seconds; `failures` are texts with their counts, most frequent first."""

    way: str
    seconds: float = 0.0
    requests: int = 0
    old: int = 0
    new: int = 0
    torn: int = 0
    failed: int = 0
    swaps: int = 0
    failed_swaps: int = 0
    p50: float = 0.0
    p99: float = 0.0
    failures: tuple[tuple[str, int], ...] = ()
    torn_example: str | None = None
    swap_failure: str | None = None

    @property
    def whole(self) -> bool:
        """Whether there was load and there were swaps, and nothing tore or failed."""
        return self.requests > 0 and self.swaps > 0 and not (self.torn or self.failed or self.failed_swaps)

    def to_json(self) -> dict[str, object]:
        """Return the totals as a dictionary of JSON-serialisable values."""
        return {**asdict(self), "whole": self.whole}


class Tally:
    """The running counts of one round; thread-safe."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._lock = threading.Lock()
        self._verdicts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._latencies = Latencies()
        self._torn_example: str | None = None

    def answered(self, text: str, old: str, new: str, seconds: float) -> None:
        """Count a response: `old`'s or `new`'s exact text, or torn."""
        verdict = "old" if text == old else "new" if text == new else "torn"
        with self._lock:
            self._verdicts[verdict] += 1
            self._latencies.add(seconds)
            example = self._torn_example or ""
            # Many torn responses are all but empty: one in which the request can be recognised says more.
            if verdict == "torn" and len(example) <= min(len(text), len(old) // 2):
                self._torn_example = text

    def failed(self, reason: str, seconds: float) -> None:
        """Count a request that was answered by an error, or not at all."""
        with self._lock:
            self._verdicts["failed"] += 1
            self._latencies.add(seconds)
            if reason in self._failures or len(self._failures) < _DISTINCT_FAILURES:
                self._failures[reason] += 1

    def totals(self, seconds: float, swaps: int, failed_swaps: int, swap_failure: str | None) -> Totals:
        """Return the picture of this moment, with what the server told about its swaps."""
        with self._lock:
            return Totals(
                way=self._way,
                seconds=seconds,
                requests=self._verdicts.total(),
                old=self._verdicts["old"],
                new=self._verdicts["new"],
                torn=self._verdicts["torn"],
                failed=self._verdicts["failed"],
                swaps=swaps,
                failed_swaps=failed_swaps,
                p50=self._latencies.percentile(0.50),
                p99=self._latencies.percentile(0.99),
                failures=tuple(self._failures.most_common()),
                torn_example=self._torn_example,
                swap_failure=swap_failure,
            )
