"""Metrics of all blocks for OpenTelemetry, by its own API (the extra ``otel``); the program brings the SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from blockfreeze.api import registry
from blockfreeze.core.version import __version__
from blockfreeze.metrics.measures import OVERLAP_BUCKETS, exporting, lingering_for, release_of, serves
from blockfreeze.model.block import Block

_Attributes = dict[str, str]


def export(provider: MeterProvider | None = None) -> Callable[[], None]:
    """Export metrics of all blocks of this process, and return what ends that.

    A second call for the same provider changes nothing.

    Args:
        provider: what makes meters; the program's own one if None.
    """

    def make() -> tuple[_Instruments, Callable[[], None]]:
        made = _Instruments(metrics.get_meter("blockfreeze", __version__, provider))
        return made, made.end

    return exporting("opentelemetry" if provider is None else provider, make)


class _Instruments:
    """The instruments of a meter; what a block is now is asked for when it is collected."""

    def __init__(self, meter: Meter) -> None:
        self._ended = False
        self._longest: dict[str, float] = {}
        self._swaps = meter.create_counter("blockfreeze.swaps", "{swap}", "Swaps and rollbacks that were committed.")
        self._refusals = meter.create_counter(
            "blockfreeze.refusals", "{swap}", "Swaps and rollbacks that came to nothing."
        )
        self._overlap = meter.create_histogram(
            "blockfreeze.overlap",
            "s",
            "How long calls of older versions ran beside new ones.",
            explicit_bucket_boundaries_advisory=OVERLAP_BUCKETS,
        )
        self._observe(
            meter, "blockfreeze.release", "1", "The release that serves: 1.", lambda block: (1, _release(block))
        )
        self._observe(
            meter,
            "blockfreeze.longest_stall",
            "s",
            "The longest time for which new calls were held back.",
            lambda block: (self._longest.get(block.name, 0.0), {}),
        )
        self._observe(
            meter,
            "blockfreeze.generations",
            "{generation}",
            "Versions that are kept.",
            lambda block: (len(block.generations), {}),
        )
        self._observe(
            meter,
            "blockfreeze.lingering",
            "s",
            "For how long the oldest version has been left in which calls are still under way; 0 if there is none.",
            lambda block: (lingering_for(block), {}),
        )

    def _observe(
        self, meter: Meter, name: str, unit: str, says: str, value: Callable[[Block], tuple[float, _Attributes]]
    ) -> None:
        def observed(_: CallbackOptions) -> Iterable[Observation]:
            for block in () if self._ended else registry.all_blocks():
                if serves(block):
                    found, more = value(block)
                    yield Observation(found, {"block": block.name, **more})

        meter.create_observable_gauge(name, [observed], unit, says)

    def end(self) -> None:
        """Observe nothing any more: a meter has no way to take its instruments away."""
        self._ended = True

    def swapped(self, block: str, kind: str) -> None:
        self._swaps.add(1, {"block": block, "kind": kind})

    def refused(self, block: str, what: str, error: str) -> None:
        self._refusals.add(1, {"block": block, "what": what, "error": error})

    def overlapped(self, block: str, seconds: float) -> None:
        self._overlap.record(seconds, {"block": block})

    def stalled(self, block: str, seconds: float) -> None:
        self._longest[block] = max(seconds, self._longest.get(block, 0.0))

    def show(self, block: Block) -> None:
        """Nothing: it is asked for."""


def _release(block: Block) -> _Attributes:
    found = release_of(block)
    return {"release": found.name, "source_hash": found.source_hash}
