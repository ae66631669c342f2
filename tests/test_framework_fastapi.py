"""FastAPI: endpoints, dependencies, overrides, routers, middleware, handlers and websockets, served while swapped."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop
from frameworks import follow, frameworks_out_of_sight, second, statements  # noqa: F401 - a fixture

import blockfreeze as bf

pytestmark = [
    pytest.mark.needs_frameworks,
    pytest.mark.needs_threads,
    pytest.mark.filterwarnings("ignore:Using `httpx`"),
]

ENDPOINTS = """
import blockfreeze as bf
from fastapi import Depends
from pydantic import BaseModel
from starlette.responses import PlainTextResponse, StreamingResponse
from an_api import app

def mark():
    return "1"

def dependency():
    return "needs " + mark()

def yielding():
    yield "yields " + mark()

class Parameters:
    def __init__(self, q: str = "q"):
        self.q = q + mark()

class Body(BaseModel):
    name: str

    def loud(self):
        return self.name + mark()

@app.middleware("http")
@bf.entry
async def middleware(request, call_next):
    response = await call_next(request)
    response.headers["Mark"] = mark()
    return response

@app.exception_handler(KeyError)
@bf.entry
async def on_error(request, error):
    return PlainTextResponse("error " + mark(), status_code=500)

@app.get("/async")
@bf.entry
async def awaited(found: str = Depends(dependency)):
    return ["said " + mark(), found]

@app.get("/sync")
@bf.entry
def threaded(found: str = Depends(yielding), parameters: Parameters = Depends()):
    return [mark(), found, parameters.q]

@app.post("/body")
@bf.entry
def posted(body: Body):
    return body.loud()

@app.get("/fail")
@bf.entry
def fail():
    raise KeyError

@app.get("/stream")
@bf.entry
def stream():
    def parts():
        yield "stream "
        yield mark()
    return StreamingResponse(parts())
"""
OLD = [["said 1", "needs 1"], "1", ["1", "yields 1", "q1"], "x1", "error 1", "stream 1"]
NEW = [["told 2", "needs 2"], "2", ["2", "yields 2", "q2"], "x2", "error 2", "stream 2"]


def test_endpoints_dependencies_middleware_and_handlers_serve_the_new_version(workshop: Workshop) -> None:
    from fastapi.testclient import TestClient

    workshop.write("an_api.py", "from fastapi import FastAPI\n\napp = FastAPI()\n")
    endpoints = workshop.freeze("endpoints", ENDPOINTS)
    app = workshop.load("an_api").app
    client, routes = TestClient(app), list(app.routes)

    def answers() -> list[Any]:
        found = client.get("/async")
        posted = client.post("/body", json={"name": "x"})
        texts = [client.get(path).text for path in ("/fail", "/stream")]
        return [found.json(), found.headers["Mark"], client.get("/sync").json(), posted.json(), *texts]

    report = follow(endpoints, ENDPOINTS, answers, OLD, NEW)
    assert (report.unreached, report.done_again) == ((), ())
    assert app.routes == routes
    assert len(app.user_middleware) == 1
    app.dependency_overrides[endpoints.dependency] = lambda: "another"
    assert answers()[0] == ["said 1", "another"]
    bf.swap(endpoints, source=second(ENDPOINTS))
    assert answers()[0] == ["told 2", "another"]


WITHOUT_ENTRY = """
import blockfreeze as bf
from an_api import app

def mark():
    return "1"

@app.get("/")
def index():
    return "said " + mark()
"""


def test_without_entry_each_swap_adds_a_route_that_never_wins_and_the_report_says_so(workshop: Workshop) -> None:
    from fastapi.testclient import TestClient

    workshop.write("an_api.py", "from fastapi import FastAPI\n\napp = FastAPI()\n")
    adding = workshop.freeze("adding", WITHOUT_ENTRY)
    app = workshop.load("an_api").app
    client, count = TestClient(app), len(app.routes)
    report = follow(adding, WITHOUT_ENTRY, lambda: [client.get("/").json()], ["said 1"], ["told 2"])
    assert statements(report) == ["@app.get('/') on index"]
    assert len(app.routes) == count + 1


ROUTER = """
from fastapi import APIRouter, Depends, WebSocket

router = APIRouter()

def mark():
    return "1"

def dependency():
    return mark()

@router.get("/")
async def index(found: str = Depends(dependency)):
    return ["said " + mark(), found]

@router.websocket("/socket")
async def talk(socket: WebSocket):
    await socket.accept()
    await socket.send_text(mark())
    await socket.receive_text()
    await socket.send_text(mark())
    await socket.close()
"""


def conversation(client: Any, between: Any) -> list[str]:
    with client.websocket_connect("/part/socket") as socket:
        first = socket.receive_text()
        between()
        socket.send_text("go on")
        return [first, socket.receive_text()]


def test_an_included_router_serves_the_new_version_and_a_websocket_ends_in_the_one_it_began_in(
    workshop: Workshop,
) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    part = workshop.freeze("part", ROUTER)
    app = FastAPI()
    app.include_router(part.router, prefix="/part")
    client = TestClient(app)

    def answers() -> list[Any]:
        return [client.get("/part/").json(), conversation(client, lambda: None)]

    follow(part, ROUTER, answers, [["said 1", "1"], ["1", "1"]], [["told 2", "2"], ["2", "2"]])
    reports: list[bf.SwapReport] = []
    assert conversation(client, lambda: reports.append(bf.swap(part, source=second(ROUTER)))) == ["1", "1"]
    assert [one.function for one in reports[0].lingering] == ["talk"]
    assert answers() == [["told 2", "2"], ["2", "2"]]
