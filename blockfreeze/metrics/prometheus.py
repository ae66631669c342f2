"""Metrics of all blocks for Prometheus, by its own client library (the extra ``prometheus``)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from blockfreeze.api import registry as blocks
from blockfreeze.metrics.measures import OVERLAP_BUCKETS, Release, exporting, lingering_for, release_of, serves
from blockfreeze.model.block import Block


def export(registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Export metrics of all blocks of this process, and return what takes them away again.

    A second call for the same registry changes nothing. In the client library's multi-process mode
    (``PROMETHEUS_MULTIPROC_DIR``) each process writes what it has, and the gauges have a label ``pid``; call it before
    the server forks, or in each process.

    Args:
        registry: where the metrics are collected.

    Raises:
        ValueError: the registry has other metrics of these names.
    """

    def make() -> tuple[_Instruments, Callable[[], None]]:
        made = _Instruments(registry, several="PROMETHEUS_MULTIPROC_DIR" in os.environ)
        return made, made.remove

    return exporting(registry, make)


class _Instruments:
    """The metrics of the client library, each with the label ``block``."""

    def __init__(self, registry: CollectorRegistry, *, several: bool) -> None:
        self._registry = registry
        self._several = several  # a value is written when it changes, and not asked for when it is collected
        self._releases: dict[str, Release] = {}
        self._longest: dict[str, float] = {}
        self._made: list[MetricWrapperBase] = []
        try:
            self._make()
        except ValueError:
            self.remove()
            raise
        if several and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._show_all)

    def _make(self) -> None:
        self._swaps = Counter(
            "blockfreeze_swaps", "Swaps and rollbacks that were committed.", ["block", "kind"], registry=self._registry
        )
        self._made.append(self._swaps)
        self._refusals = Counter(
            "blockfreeze_refusals",
            "Swaps and rollbacks that came to nothing.",
            ["block", "what", "error"],
            registry=self._registry,
        )
        self._made.append(self._refusals)
        self._overlap = Histogram(
            "blockfreeze_overlap_seconds",
            "How long calls of older versions ran beside new ones.",
            ["block"],
            buckets=OVERLAP_BUCKETS,
            registry=self._registry,
        )
        self._made.append(self._overlap)
        self._release = self._gauge(
            "blockfreeze_release_info", "The release that serves: 1.", "liveall", "release", "source_hash"
        )
        self._stall = self._gauge(
            "blockfreeze_longest_stall_seconds", "The longest time for which new calls were held back.", "livemax"
        )
        self._generations = self._gauge("blockfreeze_generations", "Versions that are kept.", "liveall")
        self._since = self._gauge(
            "blockfreeze_lingering_since_timestamp_seconds",
            "When the oldest version was left in which calls are still under way, as a Unix time; 0 if there is none.",
            "liveall",
        )
        if not self._several:
            self._lingering = self._gauge(
                "blockfreeze_lingering_seconds",
                "For how long the oldest version has been left in which calls are still under way; 0 if there is none.",
                "liveall",
            )

    def _gauge(self, name: str, says: str, mode: str, *labels: str) -> Gauge:
        made = Gauge(
            name,
            says,
            ["block", *labels],
            registry=self._registry,
            multiprocess_mode=mode,  # type: ignore[arg-type] # a literal there
        )
        self._made.append(made)
        return made

    def remove(self) -> None:
        """Take the metrics out of the registry."""
        self._several = False
        while self._made:
            self._registry.unregister(self._made.pop())

    def swapped(self, block: str, kind: str) -> None:
        self._swaps.labels(block, kind).inc()

    def refused(self, block: str, what: str, error: str) -> None:
        self._refusals.labels(block, what, error).inc()

    def overlapped(self, block: str, seconds: float) -> None:
        self._overlap.labels(block).observe(seconds)

    def stalled(self, block: str, seconds: float) -> None:
        self._longest[block] = max(seconds, self._longest.get(block, 0.0))
        self._stall.labels(block).set(self._longest[block])

    def show(self, block: Block) -> None:
        name, release = block.name, release_of(block)
        before = self._releases.get(name, release)
        self._releases[name] = release
        if before != release and not self._several:
            self._release.remove(name, before.name, before.source_hash)
        elif before != release:
            self._release.labels(name, before.name, before.source_hash).set(0)  # no file of several processes forgets
        self._release.labels(name, release.name, release.source_hash).set(1)
        self._stall.labels(name)
        if self._several:
            self._generations.labels(name).set(len(block.generations))
            self._since.labels(name).set(_since(block))
        else:
            self._generations.labels(name).set_function(lambda: len(block.generations))
            self._since.labels(name).set_function(lambda: _since(block))
            self._lingering.labels(name).set_function(lambda: lingering_for(block))

    def _show_all(self) -> None:
        """In the child of a fork: have in its own file what it has inherited."""
        for block in blocks.all_blocks() if self._several else ():
            if serves(block):
                self.show(block)


def _since(block: Block) -> float:
    seconds = lingering_for(block)
    return time.time() - seconds if seconds else 0.0
