"""The pairs of releases, and for each of them small tests of what a program does with the package."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.release_pairs.pairs import Pair


@dataclass(frozen=True)
class Subject:
    """A pair of releases, and the functions that are tests of it: `MARK` stands for the mark."""

    pair: Pair
    tests: str


SUBJECTS = (
    Subject(
        Pair("urllib3", "urllib3", "1.26.18", "2.0.7"),
        """
from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata
from urllib3.util import Retry, Timeout, make_headers, parse_url

MARK
def test_headers_and_addresses():
    from urllib3._collections import HTTPHeaderDict
    headers = HTTPHeaderDict(a="1")
    headers.add("b", "2")
    headers.add("b", "3")
    assert headers["b"] == "2, 3" and headers.getlist("b") == ["2", "3"]
    address = parse_url("http://user@example.com:8080/a?b=1#c")
    assert (address.host, address.port, address.request_uri) == ("example.com", 8080, "/a?b=1")
    assert address.url == "http://user@example.com:8080/a?b=1#c"

MARK
def test_what_is_tried_again():
    retries = Retry(total=3, backoff_factor=0.1)
    once = retries.increment("GET", "/", error=OSError("no"))
    assert once.total == 2 and once.get_backoff_time() == 0
    twice = once.increment("GET", "/", error=OSError("no"))
    assert twice.total == 1 and twice.get_backoff_time() > 0
    assert Timeout(total=5).clone().total == 5
""",
    ),
    Subject(
        Pair("werkzeug", "werkzeug", "2.3.8", "3.0.0"),
        """
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.routing import Map, Rule
from werkzeug.test import create_environ
from werkzeug.wrappers import Request, Response

MARK
def test_a_rule_is_found():
    urls = Map([Rule("/", endpoint="index"), Rule("/item/<int:number>", endpoint="item")]).bind("localhost")
    assert urls.match("/item/3") == ("item", {"number": 3})
    assert urls.build("item", {"number": 4}) == "/item/4"

MARK
def test_a_request_is_answered():
    request = Request(create_environ("/?a=1&b=2", headers=Headers({"X-Name": "tea"})))
    response = Response(request.args["a"] + request.headers["X-Name"], mimetype="text/plain")
    response.set_cookie("seen", "1")
    assert response.get_data(as_text=True) == "1tea"
    assert "seen=1" in response.headers["Set-Cookie"]
""",
    ),
    Subject(
        Pair("mistune", "mistune", "3.0.2", "3.1.0"),
        """
import mistune

MARK
def test_a_text_becomes_html():
    markdown = mistune.create_markdown(plugins=["table", "strikethrough"])
    assert "<h1>Title</h1>" in markdown("# Title\\n\\nsome *text*\\n")
    assert "<del>gone</del>" in markdown("~~gone~~ and [link](http://example.com)\\n")
""",
    ),
    Subject(
        Pair("starlette", "starlette", "0.45.3", "0.46.0"),
        """
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

@pytest.fixture
def anyio_backend():
    return "asyncio"

MARK
@pytest.mark.anyio
async def test_requests_are_answered():
    async def index(request):
        return JSONResponse({"name": request.path_params["name"], "query": request.query_params["a"]})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    said = []
    async def send(message):
        said.append(message)

    app = Starlette(routes=[Route("/{name}", index)])
    scope = {
        "type": "http", "method": "GET", "path": "/tea", "raw_path": b"/tea", "query_string": b"a=1", "headers": [],
        "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "client": ("localhost", 1),
        "root_path": "",
    }
    await app(dict(scope), receive, send)
    await app(dict(scope), receive, send)
    assert [one["status"] for one in said if one["type"] == "http.response.start"] == [200, 200]
    assert said[-1]["body"] == b'{"name":"tea","query":"1"}'
""",
    ),
    Subject(
        Pair("schema", "schema", "0.7.5", "0.7.7"),
        """
from schema import And, Optional, Schema, Use

MARK
def test_data_are_judged():
    schema = Schema({"name": And(str, len), Optional("age", default=1): And(Use(int), lambda n: 0 < n < 99)})
    assert schema.validate({"name": "tea", "age": "7"}) == {"name": "tea", "age": 7}
    assert schema.is_valid({"name": ""}) is False
""",
    ),
)
