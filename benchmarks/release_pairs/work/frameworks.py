"""Workloads of the frameworks in ``pairs_frameworks.json``: applications made before the update, and new ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.release_pairs.reach import Reach
from benchmarks.release_pairs.workloads import Catalogue, Kept

CATALOGUE = Catalogue()


def _flask_application(api: Reach) -> Any:
    app = api.Flask("flask_workload")

    def index() -> str:
        return f"{api.request.method} {api.url_for('named', name='x')}"

    def named(name: str) -> Any:
        return api.jsonify(name=api.escape(name) if hasattr(api, "escape") else name)

    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/named/<name>", view_func=named)
    app.register_error_handler(404, lambda error: ("not here", 404))
    return app


@CATALOGUE.uses("flask", lambda api: {"app": _flask_application(api)})
def flask(api: Reach, kept: Kept) -> Iterator[object]:
    """Requests to an application that was made before, and to a new one with a blueprint."""
    client = kept["app"].test_client()
    yield [client.get(path).get_data(as_text=True) for path in ("/", "/named/a", "/none")]
    app, blueprint = api.Flask("flask_new"), api.Blueprint("part", "flask_new")

    def rendered() -> str:
        return str(api.render_template_string("{{ word }}", word="<b>"))

    blueprint.add_url_rule("/part", view_func=rendered)
    app.register_blueprint(blueprint)
    client = app.test_client()
    yield client.get("/part").get_data(as_text=True), client.post("/part").status_code
    with app.app_context():
        yield api.current_app.name


@CATALOGUE.uses(
    "werkzeug",
    lambda api: {"map": api["routing:Map"]([api["routing:Rule"]("/<int:number>", endpoint="number")])},
)
def werkzeug(api: Reach, kept: Kept) -> Iterator[object]:
    """Routing, requests and responses, headers and hashes."""
    adapter = kept["map"].bind("example.org")
    yield adapter.match("/5"), adapter.build("number", {"number": 7})
    environ = api["test:create_environ"]("/path?a=1&a=2", "http://example.org/")
    request = api["wrappers:Request"](environ)
    yield request.path, request.args.getlist("a"), request.host
    response = api["wrappers:Response"]("text", status=201, headers={"X-Word": "word"})
    yield response.status, response.get_data(as_text=True), response.headers["x-word"]
    headers = api["datastructures:Headers"]([("A", "1"), ("a", "2")])
    yield headers.getlist("a"), api["http:parse_options_header"]('text/html; charset="utf-8"')
    yield api["security:check_password_hash"](api["security:generate_password_hash"]("word", "pbkdf2:sha256:1"), "word")


def _ask(application: Any, path: str) -> tuple[int, bytes]:
    """Drive an ASGI application through one request, without an event loop of its own: nothing in it waits."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"a=1",
        "headers": [(b"host", b"example.org")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("example.org", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "state": {},
    }
    running = application(scope, receive, send)
    try:
        running.send(None)
    except StopIteration:
        return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)
    running.close()
    raise RuntimeError("the application waits for something")


def _starlette_application(api: Reach) -> Any:
    async def index(request: Any) -> Any:
        return api["responses:PlainTextResponse"](f"{request.url.path} {request.query_params['a']}")

    return api["applications:Starlette"](routes=[api["routing:Route"]("/", index)])


@CATALOGUE.uses("starlette", lambda api: {"app": _starlette_application(api)})
def starlette(api: Reach, kept: Kept) -> Iterator[object]:
    """Requests to an application that was made before, and to a new one."""
    yield _ask(kept["app"], "/")
    yield _ask(_starlette_application(api), "/")
    headers = api["datastructures:MutableHeaders"]({"a": "1"})
    headers.append("a", "2")
    yield headers.getlist("A"), str(api["datastructures:URL"]("http://example.org/x").replace(path="/y"))
