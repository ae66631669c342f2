"""The ready hooks, in programs that `blockfreeze run` has not started: every process of them has its control socket."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from operated import Operated, until
from test_operate_programs import ANSWER, QUEUE, SITES, answered, asking

pytestmark = [
    pytest.mark.needs_servers,
    pytest.mark.needs_subprocess,
    pytest.mark.needs_sockets,
    pytest.mark.needs_threads,
]

FROZEN = "import blockfreeze\nblockfreeze.freeze_block('shop', release='current')\n"


def serves(service: Operated, count: int) -> None:
    """Assert that all processes are swapped and rolled back, and that requests find it."""
    service.wait_for(count)
    assert until(lambda: answered(service)).startswith(b"1 1 1 1 ")
    service.swap(2)
    assert set(service.serving().values()) == {"r2"}
    assert service.answer().startswith(b"2 2 2 2 ")
    service.json("rollback", "shop")
    assert service.answer().startswith(b"1 1 1 1 ")


@pytest.mark.parametrize("more", [[], ["--preload"]])
def test_a_configuration_of_gunicorn(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "pages.py").write_text(FROZEN + "from shop.app import app\n", encoding="utf-8")
    command = ["gunicorn", "-c", "python:blockfreeze.control.hooks.gunicorn", "-w", "2", "--no-control-socket", *more]
    with Operated(tmp_path, [sys.executable, "-m", *command, "-b", "127.0.0.1:PORT", "pages:app"], run=[]) as service:
        serves(service, 3 if more else 2)


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_a_wrapper_of_asgi_applications(tmp_path: Path, lifespan: str) -> None:
    text = (
        "import shop.app\nfrom blockfreeze.control.hooks.asgi import with_control\napp = with_control(shop.app.asgi)\n"
    )
    (tmp_path / "pages.py").write_text(FROZEN + text, encoding="utf-8")
    command = ["uvicorn", "--port", "PORT", "--log-level", "warning", "--lifespan", lifespan, "pages:app"]
    with Operated(tmp_path, [sys.executable, "-m", *command], run=[]) as service:
        assert until(lambda: answered(service)).startswith(b"1 1 1 1 ")
        serves(service, 1)
        place = Path(service.sockets)
        service.program.terminate()
        service.program.wait(60)
        # Without lifespan events it is closed at exit, and uvicorn ends by the signal: nothing runs then.
        assert lifespan == "off" or not list(place.iterdir())


@pytest.mark.needs_frameworks
def test_a_bootstep_of_celery(tmp_path: Path) -> None:
    text = "\nfrom blockfreeze.control.hooks.celery import add_control\nadd_control(app)\n"
    (tmp_path / "tasks.py").write_text(FROZEN + QUEUE + text, encoding="utf-8")
    for name in ("queue", "results"):
        (tmp_path / name).mkdir()
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"]
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "2", *quiet]
    with Operated(tmp_path, command, run=[]) as service, asking(tmp_path) as ask:
        service.wait_for(3)
        assert {one[0] for one in ask(3)} == {"1"}
        service.swap(2)
        assert {one[0] for one in ask(4)} == {"2"}


@pytest.mark.needs_frameworks
def test_an_application_of_django(tmp_path: Path) -> None:
    hook = "['blockfreeze.control.hooks.django.Control']"
    installed = SITES["django"].replace("INSTALLED_APPS=", f"INSTALLED_APPS={hook} + ")
    (tmp_path / "pages.py").write_text(FROZEN + installed, encoding="utf-8")
    command = ["gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "--no-control-socket", "pages:site"]
    with Operated(tmp_path, [sys.executable, "-m", *command], run=[], app=ANSWER) as service:
        serves(service, 2)
