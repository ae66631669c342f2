"""Programs under `blockfreeze run`: task queues, frameworks on their servers, connections that last, and modules."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from operated import LIMIT, Operated, until

pytestmark = [
    pytest.mark.needs_servers,
    pytest.mark.needs_subprocess,
    pytest.mark.needs_sockets,
    pytest.mark.needs_threads,
]

ANSWER = """
import os
from .parts import TABLE, bar, frob

def answer():
    first, second = bar(frob(1))
    return f"{{first}} {{second}} {{TABLE['late']()}} {number} {{os.getpid()}}".encode()
"""

QUEUE = """
from celery import Celery
import shop.app

app = Celery("tasks", broker="filesystem://", backend="file://results")
folders = {"data_folder_in": "queue", "data_folder_out": "sent", "control_folder": "queue"}
app.conf.broker_transport_options = {**folders, "polling_interval": 0.02}

@app.task(name="answer")
def answer():
    return shop.app.answer().decode()

@app.task(name="begin")
def begin():
    return shop.app.answer(until="go").decode()

@app.task(name="again", bind=True)
def again(self, *before):
    found = [*before, shop.app.answer().decode()]
    if not before:
        raise self.retry(args=found, countdown=0)
    return found
"""

WAITING = """
import os, time
from .parts import TABLE, bar, frob

def answer(until=None):
    first = frob(1)
    while until is not None and not os.path.exists(until):
        open("waits", "a").close()
        time.sleep(0.01)
    first, second = bar(first)
    return f"{{first}} {{second}} {{TABLE['late']()}} {number} {{os.getpid()}}".encode()
"""


QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"]
WORKER = ["celery", "-A", "tasks", "worker", *QUIET, "-P"]


@contextmanager
def asking(place: Path) -> Iterator[Callable[[int], list[list[str]]]]:
    """Yield what asks the workers of the queue in a directory."""
    with client_of(place) as (client, send):

        def ask(count: int) -> list[list[str]]:
            asked = [client.send_task("answer") for _ in range(count)]
            send()
            return [one.get(timeout=LIMIT, interval=0.02).split() for one in asked]

        yield ask


@contextmanager
def client_of(place: Path) -> Iterator[tuple[Any, Callable[[], object]]]:
    """Yield a client of the queue in a directory, and what lets the workers have the messages that it has written."""
    from celery import Celery

    # A worker may find a message that is not written yet, and ends then: so they are written elsewhere, and moved.
    queue, outgoing = place / "queue", place / "outgoing"
    outgoing.mkdir(exist_ok=True)
    client = Celery("client", broker="filesystem://", backend=f"file://{place / 'results'}", set_as_current=False)
    folders = dict.fromkeys(("data_folder_in", "data_folder_out"), str(outgoing))
    client.conf.broker_transport_options = {**folders, "control_folder": str(queue)}

    def send() -> None:
        for message in outgoing.iterdir():
            message.rename(queue / message.name)

    with client:
        yield client, send


def sent_by_workers(place: Path, count: int) -> list[Path]:
    """Return so many messages that the workers of a queue have written, as soon as they are whole."""

    def whole() -> list[Path]:
        found = sorted((place / "sent").iterdir())
        with suppress(ValueError):
            for one in found:
                json.loads(one.read_text(encoding="utf-8"))
            return found if len(found) == count else []
        return []

    return cast("list[Path]", until(whole))


@pytest.mark.needs_frameworks
def test_retries_and_chains_go_on_in_the_release_that_serves_then(tmp_path: Path) -> None:
    """A task that runs finishes in its release; the next of a chain, and the same one once more, are new calls."""
    (tmp_path / "tasks.py").write_text(QUEUE, encoding="utf-8")
    for name in ("queue", "results", "sent"):
        (tmp_path / name).mkdir()
    with (
        Operated(tmp_path, [sys.executable, "-m", *WORKER, "threads", "-c", "2"], app=WAITING) as service,
        client_of(tmp_path) as (client, send),
    ):
        service.wait_for(1)
        chained = (client.signature("begin") | client.signature("answer", immutable=True)).apply_async()
        tried = client.send_task("again")
        send()
        until((tmp_path / "waits").exists)
        (retry,) = sent_by_workers(tmp_path, 1)  # the first try has ended, and the next one is not under way
        service.swap(2)
        (tmp_path / "go").touch()
        first = chained.parent.get(timeout=LIMIT, interval=0.02)
        for message in sent_by_workers(tmp_path, 2):
            message.rename(tmp_path / "queue" / message.name)
        assert not retry.exists()
        second = chained.get(timeout=LIMIT, interval=0.02)
        tries = tried.get(timeout=LIMIT, interval=0.02)
    assert [one[:8] for one in (first, second, *tries)] == ["1 1 1 1 ", "2 2 2 2 ", "1 1 1 1 ", "2 2 2 2 "]


@pytest.mark.needs_frameworks
@pytest.mark.parametrize(
    ("pool", "processes"),
    [
        pytest.param(["solo"], 1, marks=pytest.mark.exhaustive),
        (["threads", "-c", "2"], 1),
        pytest.param(["prefork", "-c", "2"], 3, marks=pytest.mark.exhaustive),
        (["prefork", "-c", "2", "--max-tasks-per-child", "2"], 3),
    ],
)
def test_the_workers_of_a_task_queue_are_swapped_and_rolled_back(
    tmp_path: Path, pool: list[str], processes: int
) -> None:
    (tmp_path / "tasks.py").write_text(QUEUE, encoding="utf-8")
    for name in ("queue", "results", "sent"):
        (tmp_path / name).mkdir()
    with Operated(tmp_path, [sys.executable, "-m", *WORKER, *pool]) as service, asking(tmp_path) as ask:
        service.wait_for(processes)
        seen = ask(4)
        service.swap(2)
        seen += (after := ask(6))
        assert {one[0] for one in after} == {"2"}
        service.json("rollback", "shop", "--to", str(service.releases / "r1"))
        seen += (back := ask(4))
        assert {one[0] for one in back} == {"1"}
    assert all(len(set(numbers)) == 1 for *numbers, _ in seen)
    assert (len({pid for *_, pid in seen}) > 3) == ("--max-tasks-per-child" in pool)


SITES = {
    "flask": """
from flask import Flask
import shop.app

site = Flask("site")
site.add_url_rule("/", view_func=shop.app.answer)
""",
    "django": """
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
import shop.app

contrib = ["admin", "auth", "contenttypes", "sessions", "messages"]
context = [f"django.contrib.{one}.context_processors.{one}" for one in ("auth", "messages")]
settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of a test",
    INSTALLED_APPS=[f"django.contrib.{one}" for one in contrib],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request", *context]}}],
)
django.setup()
from django.contrib import admin

class Admin(admin.AdminSite):
    site_header = property(lambda self: shop.app.answer().decode())

urlpatterns = [path("", lambda request: HttpResponse(shop.app.answer())), path("admin/", Admin().urls)]
site = get_wsgi_application()
""",
    "django-async": """
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
import shop.app

async def view(request):
    return HttpResponse(shop.app.answer())

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of a test")
urlpatterns = [path("", view)]
site = get_asgi_application()
""",
}


@pytest.mark.needs_frameworks
@pytest.mark.parametrize("name", SITES)
def test_a_site_of_a_framework_is_swapped_and_rolled_back(tmp_path: Path, name: str) -> None:
    (tmp_path / "pages.py").write_text(SITES[name], encoding="utf-8")
    server = {
        "django-async": ["uvicorn", "--workers", "2", "--port", "PORT", "--log-level", "warning", "--lifespan", "off"],
    }.get(name, ["gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "--no-control-socket"])
    with Operated(tmp_path, [sys.executable, "-m", *server, "pages:site"], app=ANSWER) as service:
        service.wait_for(2)
        with service.load() as tally:
            service.swap(2)
            assert set(service.serving().values()) == {"r2"}
            admins = [service.answer("/admin/login/")] if name == "django" else []
            service.json("rollback", "shop")
        assert service.answer().startswith(b"1 1 1 1 ")
        assert all(b"2 2 2 2 " in one for one in admins)
    assert (tally.torn, tally.failed) == ([], [])
    assert set(tally.answers) == {"1", "2"}


API = (
    ANSWER
    + """
import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse

def tell(what):
    with open("told", "a") as file:
        file.write(what + " {number}\\n")

@asynccontextmanager
async def lifespan(app):
    tell("start")
    yield
    tell("stop")

asgi = FastAPI(lifespan=lifespan)

@asgi.get("/")
async def page(background: BackgroundTasks):
    background.add_task(tell, "after")
    return PlainTextResponse(answer())

async def lines():
    yield answer() + b"\\n"
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    yield answer() + b"\\n"

@asgi.get("/stream")
async def stream():
    return StreamingResponse(lines())

@asgi.websocket("/talk")
async def talk(websocket: WebSocket):
    await websocket.accept()
    async for _ in websocket.iter_text():
        await websocket.send_text(answer().decode())
"""
)


@pytest.mark.needs_frameworks
def test_streams_websockets_lifespans_and_background_tasks_stay_in_their_generation(tmp_path: Path) -> None:
    from websockets.sync.client import connect

    program = "import blockfreeze\nsite = blockfreeze.asgi_entry('shop.app:asgi')\n"
    (tmp_path / "serving.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "--port", "PORT", "--log-level", "warning", "serving:site"]
    with Operated(tmp_path, command, app=API) as service:
        service.wait_for(1)
        until((tmp_path / "told").exists)
        assert until(lambda: answered(service)).startswith(b"1 1 1 1 ")
        streaming = http.client.HTTPConnection("127.0.0.1", service.port, timeout=LIMIT)
        streaming.request("GET", "/stream")
        response = streaming.getresponse()
        read = [response.readline()]
        with connect(f"ws://127.0.0.1:{service.port}/talk") as talking:
            talking.send("?")
            read.append(str(talking.recv()).encode())
            service.swap(2)
            assert service.answer().startswith(b"2 2 2 2 ")
            talking.send("?")
            read.append(str(talking.recv()).encode())
            (tmp_path / "go").touch()
            read.append(response.read())
            streaming.close()
        assert {one[:8] for one in read} == {b"1 1 1 1 "}
        assert service.answer().startswith(b"2 2 2 2 ")
        assert service.command("drain", "shop").returncode == 0
        service.json("rollback", "shop")
        assert service.answer().startswith(b"1 1 1 1 ")
    told = (tmp_path / "told").read_text(encoding="utf-8").splitlines()
    assert [one for one in told if not one.startswith("after")][:3] == ["start 1", "start 2", "stop 1"]
    assert {"after 1", "after 2"} <= set(told)


def answered(service: Operated) -> bytes:
    """Return an answer, or nothing if nobody listens yet."""
    try:
        return service.answer()
    except OSError:
        return b""


LASTING = """
import asyncio, sys
import shop.app

async def talk(reader, writer):
    while await reader.readline():
        writer.write(shop.app.answer() + b"\\n")
        await writer.drain()
    writer.close()

async def main():
    async with await asyncio.start_server(talk, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_connections_that_last_go_forward_with_the_service(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(LASTING, encoding="utf-8")
    with Operated(tmp_path, ["-m", "program", "PORT"], app=ANSWER) as service:
        service.wait_for(1)
        connections = [until(lambda: connected(service.port)) for _ in range(5)]
        files = [one.makefile("rwb") for one in connections]

        def ask() -> set[bytes]:
            for one in files:
                one.write(b"?\n")
                one.flush()
            return {one.readline()[:8] for one in files}

        assert ask() == {b"1 1 1 1 "}
        service.swap(2)
        assert ask() == {b"2 2 2 2 "}
        service.json("rollback", "shop")
        assert ask() == {b"1 1 1 1 "}
        for one in (*files, *connections):
            one.close()


def connected(port: int) -> socket.socket | None:
    """Return a connection, or None if nobody listens yet."""
    try:
        return socket.create_connection(("127.0.0.1", port), LIMIT)
    except OSError:
        return None
