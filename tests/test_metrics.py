"""Metrics, as the monitoring libraries themselves show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from living import text
from processes import run_python
from threads import ParkedCall

import blockfreeze as bf
from blockfreeze.api import registry

prometheus_client = pytest.importorskip("prometheus_client")
metrics_export = pytest.importorskip("opentelemetry.sdk.metrics.export")

from blockfreeze.metrics import opentelemetry, prometheus  # noqa: E402 - where the libraries are

pytestmark = pytest.mark.needs_frameworks


class Prometheus:
    """What a registry of the client library has."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self.end = self.export()

    def export(self) -> Any:
        return prometheus.export(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        found: float | None = self.registry.get_sample_value(f"blockfreeze_{name}", {"block": "shop", **labels})
        return found

    def count(self, name: str, **labels: str) -> float | None:
        return self.value(f"{name}_total", **labels)

    def gauge(self, name: str) -> float | None:
        return self.value(name if name == "generations" else f"{name}_seconds")

    def overlaps(self) -> tuple[float, float]:
        return self.value("overlap_seconds_count") or 0, self.value("overlap_seconds_sum") or 0.0

    def releases(self) -> list[str]:
        (metric,) = [one for one in self.registry.collect() if one.name == "blockfreeze_release_info"]
        return [one.labels["release"] for one in metric.samples if one.labels["block"] == "shop"]


class OpenTelemetry:
    """What the SDK's reader has of a meter."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider

        self.reader = metrics_export.InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])
        self.end = self.export()

    def export(self) -> Any:
        return opentelemetry.export(self.provider)

    def points(self, name: str, **labels: str) -> list[Any]:
        found = self.reader.get_metrics_data()
        return [
            point
            for resource in (found.resource_metrics if found else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"blockfreeze.{name}"
            for point in metric.data.data_points
            if {"block": "shop", **labels}.items() <= point.attributes.items()
        ]

    def count(self, name: str, **labels: str) -> float | None:
        return next((point.value for point in self.points(name, **labels)), None)

    def gauge(self, name: str) -> float | None:
        return self.count(name)

    def overlaps(self) -> tuple[float, float]:
        return next(((point.count, point.sum) for point in self.points("overlap")), (0, 0.0))

    def releases(self) -> list[str]:
        return [point.attributes["release"] for point in self.points("release")]


@pytest.fixture(params=[Prometheus, OpenTelemetry])
def told(request: pytest.FixtureRequest) -> Iterator[Any]:
    found = request.param()
    yield found
    found.end()


def test_swaps_rollbacks_and_refusals_are_counted(told: Any, shop: Any) -> None:
    bf.swap(shop, source=text(2))
    bf.swap(shop, source=text(3))
    bf.rollback(shop)
    for wrong in ("(\n", "1 / 0\n"):
        with pytest.raises(bf.PrepareError):
            bf.swap(shop, source=wrong)
    with pytest.raises(bf.NoSuchGenerationError):
        bf.rollback(shop, to=99)
    assert told.count("swaps", kind="swap") == 2
    assert told.count("swaps", kind="rollback") == 1
    assert told.count("refusals", what="swap", error="PrepareError") == 2
    assert told.count("refusals", what="rollback", error="NoSuchGenerationError") == 1
    assert told.overlaps()[0] == 3


def test_the_release_that_serves_is_the_only_one_shown(told: Any, shop: Any) -> None:
    (first,) = told.releases()
    assert first == bf.status(shop).generations[0].source_hash[:12]
    bf.swap(shop, source=text(2), label="r2")
    assert told.releases() == ["r2"]
    bf.rollback(shop)
    assert told.releases() == [first]


def test_a_block_that_is_frozen_later_is_shown(told: Any, workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_patterns", {})
    assert told.releases() == []
    workshop.write("shop.py", text(1))
    bf.install("shop")
    import shop  # noqa: F401

    assert len(told.releases()) == 1
    assert told.gauge("generations") == 1


@pytest.mark.needs_threads
def test_who_lingers_has_an_age_until_it_has_ended(told: Any, shop: Any) -> None:
    assert (told.gauge("lingering"), told.gauge("generations")) == (0, 1)
    with ParkedCall(shop.foo) as parked:
        bf.swap(shop, source=text(2))
        age = told.gauge("lingering")
        assert (age > 0, told.gauge("generations"), told.overlaps()) == (True, 2, (0, 0.0))
        bf.swap(shop, source=text(3))  # the same overlap goes on
        assert told.gauge("lingering") > age
        parked.finish()
        bf.drain(shop, timeout=10)
    count, seconds = told.overlaps()
    assert (count, seconds > age, told.gauge("lingering")) == (1, True, 0)


def test_the_longest_stall_is_that_of_a_gate(told: Any, shop: Any) -> None:
    assert told.gauge("longest_stall") == 0
    bf.swap(shop, source=text(2))
    assert told.gauge("longest_stall") == 0
    with ParkedCall(shop.foo) as parked:
        with pytest.raises(bf.DrainTimeoutError):
            bf.swap(shop, source=text(3), quiesce=0.05)
        parked.finish()
    longest = told.gauge("longest_stall")
    assert longest >= 0.05
    bf.swap(shop, source=text(3), quiesce=5)
    assert told.gauge("longest_stall") == longest


def test_to_export_twice_is_to_export_once_and_it_ends(told: Any, shop: Any) -> None:
    again = told.export()
    bf.swap(shop, source=text(2))
    assert told.count("swaps", kind="swap") == 1
    again()
    told.end()
    bf.swap(shop, source=text(1))
    assert told.count("swaps", kind="swap") in (1, None)
    assert told.count("generations") is None


def test_a_body_that_exports_does_so_once(workshop: Any) -> None:
    line = "from prometheus_client import REGISTRY\nfrom blockfreeze.metrics import prometheus\nprometheus.export()\n"
    prometheus.export()()  # a page of the manual, run as a test, has begun to
    workshop.write("shop.py", text(1) + line)
    shop = bf.freeze_block("shop")
    try:
        bf.swap(shop, source=text(2) + line)
        found = prometheus_client.REGISTRY.get_sample_value
        assert found("blockfreeze_swaps_total", {"block": "shop", "kind": "swap"}) == 1
    finally:
        prometheus.export()()


def test_names_that_a_registry_has_are_refused_and_nothing_is_left() -> None:
    registry = prometheus_client.CollectorRegistry()
    taken = prometheus_client.Counter("blockfreeze_refusals", "Somebody else's.", registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.export(registry)
    registry.unregister(taken)
    prometheus.export(registry)()
    assert not [*registry.collect()]


SEVERAL = """
import os, sys
sys.path.insert(0, {place!r})
import prometheus_client
from prometheus_client import CollectorRegistry, multiprocess
import blockfreeze as bf
from blockfreeze.metrics import prometheus

prometheus.export()
shop = bf.freeze_block("shop")
child = os.fork()
if child == 0:
    bf.swap(shop, source={second!r}, label="r2")
    bf.swap(shop, source={first!r}, label="r1")
    os._exit(0)
os.waitpid(child, 0)
bf.swap(shop, source={second!r}, label="r2")
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
for metric in registry.collect():
    for sample in metric.samples:
        if sample.name.endswith(("_total", "_count", "_info", "generations")):
            who = {{str(child): "child", str(os.getpid()): "parent"}}.get(sample.labels.get("pid"), "")
            print(sample.name, who, sample.labels.get("release", ""), sample.labels.get("kind", ""), sample.value)
"""


@pytest.mark.needs_fork
@pytest.mark.needs_subprocess
def test_processes_of_a_server_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text(text(1), encoding="utf-8")
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    script = SEVERAL.format(place=str(tmp_path), first=text(1), second=text(2))
    ran = run_python("-c", script)
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["blockfreeze_swaps_total", "swap", "3.0"] in lines
    assert ["blockfreeze_overlap_seconds_count", "3.0"] in lines
    serving = {
        (who, release) for name, who, release, value in (one for one in lines if len(one) == 4) if value == "1.0"
    }
    assert serving == {("parent", "r2"), ("child", "r1")}
