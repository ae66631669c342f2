"""Celery's tasks, commands of click and typer, and metrics of prometheus_client, swapped while others hold them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop
from frameworks import follow, frameworks_out_of_sight, second, statements  # noqa: F401 - a fixture

import blockfreeze as bf

pytestmark = pytest.mark.needs_frameworks


CELERY = """
import blockfreeze as bf
from celery import shared_task, signals
from a_queue import app

seen = bf.defvar("seen", list)

def mark():
    return "1"

@app.task
def plain(x):
    return x + " said " + mark()

@app.task(bind=True, name="another name")
def bound(self, x):
    return self.name + x + mark()

@shared_task
def shared(x):
    return x + mark()

class Base(app.Task):
    def on_success(self, *given):
        seen.append("success " + mark())

@app.task(base=Base)
def with_base(x):
    return x + mark()

@signals.task_prerun.connect
@bf.entry
def before(**named):
    seen.append("before " + mark())
"""


@pytest.fixture
def tasks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Celery forget what the test registers for every application: those of other tests would run into it."""
    state = pytest.importorskip("celery._state")
    monkeypatch.setattr(state, "_on_app_finalizers", set(state._on_app_finalizers))


@pytest.mark.usefixtures("tasks_of_its_own")
@pytest.mark.filterwarnings("ignore:.*is already registered to a different callable")
def test_celery_runs_the_new_version_of_each_task_by_name_and_by_object(workshop: Workshop) -> None:
    workshop.write(
        "a_queue.py",
        "from celery import Celery\n\n"
        "app = Celery('shop', broker='memory://', backend='cache+memory://', set_as_current=True)\n"
        "app.conf.task_always_eager = True\n",
    )
    jobs = workshop.freeze("jobs", CELERY)
    app = workshop.load("a_queue").app
    held = jobs.plain, jobs.bound, jobs.shared
    names = set(app.tasks)

    def answers() -> list[Any]:
        found = [one.delay("a").get() for one in (*held, jobs.plain, jobs.bound, jobs.shared)]
        del jobs.seen[:]
        return [*found, app.tasks["jobs.plain"]("a"), jobs.with_base.delay("b").get(), *jobs.seen]

    old = ["a said 1", "another namea1", "a1"]
    new = ["a told 2", "another namea2", "a2"]
    report = follow(
        jobs,
        CELERY,
        answers,
        [*old, *old, old[0], "b1", "before 1", "success 1"],
        [*new, *new, new[0], "b2", "before 2", "success 2"],
    )
    assert "@app.task on plain" in statements(report)
    assert "@signals.task_prerun.connect on before" not in statements(report)
    assert names <= set(app.tasks)
    assert len([name for name in app.tasks if not name.startswith("celery.")]) == 4


CLICK = """
import click

def mark():
    return "1"

@click.group()
def cli():
    pass

@cli.command()
@click.option("--times", default=1)
def hello(times):
    click.echo("said " + mark() * times, nl=False)

@click.command()
def other():
    click.echo(mark(), nl=False)
"""


def test_click_commands_that_were_taken_before_run_the_new_version(workshop: Workshop) -> None:
    from click.testing import CliRunner

    commands = workshop.freeze("commands", CLICK)
    runner, held = CliRunner(), (commands.cli, commands.other)

    def answers() -> list[str]:
        groups = [runner.invoke(one, ["hello", "--times", "2"]).output for one in (commands.cli, held[0])]
        return [*groups, runner.invoke(held[1]).output]

    report = follow(commands, CLICK, answers, ["said 11", "said 11", "1"], ["told 22", "told 22", "2"])
    assert report.done_again == ()


TYPER = """
import typer

app = typer.Typer()

def mark():
    return "1"

@app.callback()
def main(loud: bool = False):
    typer.echo("main " + mark() + "!" * loud, nl=False)

@app.command()
def hello(name: str, times: int = 1):
    typer.echo(" said " + mark() * times + name, nl=False)

@app.command()
def bye():
    typer.echo(" bye", nl=False)
"""


def test_typer_commands_that_were_taken_before_run_the_new_version(workshop: Workshop) -> None:
    import typer
    from typer.testing import CliRunner

    typed = workshop.freeze("typed", TYPER)
    runner, held, outer = CliRunner(), typed.app, typer.Typer()
    outer.add_typer(typed.app, name="inner")

    def answers() -> list[str]:
        words = ["--loud", "hello", "x", "--times", "2"]
        found = [runner.invoke(one, words).output for one in (typed.app, held)]
        return [*found, runner.invoke(outer, ["inner", *words]).output]

    report = follow(typed, TYPER, answers, 3 * ["main 1! said 11x"], 3 * ["main 2! told 22x"])
    (found,) = report.unreached
    assert str(found).startswith("typed.app: the Typer of generation 1 is still held by a ")


@pytest.mark.parametrize("entries", [True, False], ids=["above entry", "without entry"])
def test_a_typer_application_that_stays_has_each_command_once_if_it_is_above_entry(
    workshop: Workshop, entries: bool
) -> None:
    from typer.testing import CliRunner

    text = TYPER.replace("typer.Typer()", "bf.defvar('app', typer.Typer)").replace(
        "import", "import blockfreeze as bf,"
    )
    if entries:
        text = text.replace("app.command()", "app.command()\n@bf.entry").replace("callback()", "callback()\n@bf.entry")
    typed = workshop.freeze("typed", text)
    runner = CliRunner()
    report = follow(
        typed, text, lambda: [runner.invoke(typed.app, ["hello", "x"]).output], ["main 1 said 1x"], ["main 2 told 2x"]
    )
    again = [] if entries else ["@app.callback() on main", "@app.command() on hello", "@app.command() on bye"]
    assert statements(report) == again
    assert len(typed.app.registered_commands) == (2 if entries else 4)


PROMETHEUS = """
import blockfreeze as bf
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

def mark():
    return "1"

hits = bf.defvar("hits", lambda: Counter("block_hits_total", "Calls of hit"))
times = bf.defvar("times", lambda: Histogram("block_times", "Times of hit"))
gauge = bf.defvar("gauge", lambda: Gauge("block_gauge", "What a function says"))

@gauge.set_function
@bf.entry
def value():
    return float(mark())

@times.time()
def hit():
    hits.inc()
    return "said " + mark()

class Collector:
    def collect(self):
        yield GaugeMetricFamily("block_collected", "What a collector says", value=float(mark()))

def register(collector):
    REGISTRY.register(collector)
    return collector

collector = bf.defvar("collector", lambda: register(Collector()))
"""


def test_metrics_are_registered_once_and_go_on_to_count(workshop: Workshop) -> None:
    from prometheus_client import REGISTRY

    metrics = workshop.freeze("metrics", PROMETHEUS)
    held = metrics.hit

    def answers() -> list[Any]:
        found = [held(), metrics.hit()]
        return [*found, *map(REGISTRY.get_sample_value, ("block_gauge", "block_collected"))]

    try:
        follow(metrics, PROMETHEUS, answers, ["said 1", "said 1", 1.0, 1.0], ["told 2", "told 2", 2.0, 2.0])
        assert REGISTRY.get_sample_value("block_hits_total") == 8
        assert REGISTRY.get_sample_value("block_times_count") == 8
    finally:
        for one in (metrics.hits, metrics.times, metrics.gauge, metrics.collector):
            REGISTRY.unregister(one)


def test_a_metric_by_plain_assignment_is_refused_by_the_registry_and_the_old_version_serves(workshop: Workshop) -> None:
    from prometheus_client import REGISTRY

    text = "from prometheus_client import Counter\n\nhits = Counter('plain_hits_total', 'Calls')\nmark = \"1\"\n"
    metrics = workshop.freeze("metrics", text)
    try:
        with pytest.raises(bf.PrepareError, match="Duplicated timeseries"):
            bf.swap(metrics, source=second(text))
        assert metrics.mark == "1"
    finally:
        REGISTRY.unregister(metrics.hits)
