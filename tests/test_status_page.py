"""The status page: what it shows is what processes tell, whatever that is, and nothing can be changed by it."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
import threading
from collections.abc import Mapping
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from conftest import Workshop
from hypothesis import example, given
from hypothesis import strategies as st

import blockfreeze as bf
from blockfreeze.cli import command_line as cli
from blockfreeze.core.chronicle import Chronicle
from blockfreeze.pictures.page import page
from blockfreeze.pictures.parts import COLOURS, Change, shown
from blockfreeze.pictures.status_page import this_machine, this_process
from blockfreeze.pictures.style import STYLE

NOW = 1_800_000_000.0


class Read(HTMLParser):
    """A page as a browser would read it: its tags with their attributes' names, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def document(said: str, at: float = NOW) -> dict[str, Any]:
    """Return what a process tells that swaps, rolls back and refuses, with `said` wherever a text of others may be."""
    lingering = {
        "generation": 1,
        "kind": "thread",
        "owner": said,
        "file": said,
        "line": 3,
        "function": said,
        "seconds": 5,
    }
    block = {
        "block": said,
        "state": "overlap",
        "generation": 2,
        "label": said,
        "release": said,
        "hash": said,
        "pointer": said,
        "generations": [{"number": 1}, {"number": 2}],
        "lingering": [lingering],
    }
    kinds = ("Frozen", "Committed", "Refused", "RolledBack", "Drained", "Lingers", said)
    events = [
        {"at": at - 60 + 7 * number, "event": kind, "block": said, "generation": number, "label": said, "text": said}
        for number, kind in enumerate(kinds)
    ]
    process = {"pid": 7, "program": [f"/bin/{said}", "--password=swordfish"], "python": said}
    return {"host": said, "process": process, "blocks": [block], "events": events}


HOSTILE = st.text(min_size=1) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><script>",
        "</title>&lt;b&gt;",
        "javascript:alert(1)",
        "' onmouseover='alert(1)",
        "<!-- ]]> -->",
        "\ud800\0\x1b[31m\u202e",
    ]
)


@given(HOSTILE)
@example("</script><script>alert(1)</script>")
def test_whatever_is_told_is_shown_as_a_text(said: str) -> None:
    found, harmless = (Read(page([document(one)], NOW, refresh=5, link="?rest")) for one in (said, "shop"))
    assert found.tags == harmless.tags
    assert shown(said) in "".join(found.texts)
    assert not any(name.startswith("on") or name in ("style", "src") for _, names in found.tags for name in names)
    assert "swordfish" not in "".join([*found.texts, *found.values])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "process",
    "processes",
    "blocks",
    "events",
    "silent",
    "host",
    "lingering",
    "generations",
    "at",
    "event",
    "block",
)


@given(
    st.dictionaries(
        st.sampled_from(FIELDS), json_values | st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values))
    )
)
def test_what_is_told_in_another_form_breaks_nothing(told: dict[str, Any]) -> None:
    Read(page([told], NOW))
    process = {"process": {"pid": 1}, "blocks": [{"block": "shop", **told}], "events": [{"block": "shop", **told}]}
    Read(page([process], NOW))


def text_of(html: str) -> str:
    return " ".join(" ".join(Read(html).texts).split())


def test_a_fleet_is_shown_with_its_hosts_and_those_that_are_silent() -> None:
    others = [document("shop") | {"host": f"host{at}"} for at in range(3)]
    others[1]["blocks"][0] |= {"label": "r1", "generation": 1}
    found = text_of(page([{"processes": others, "silent": [99]}], NOW))
    assert "4 processes" in found
    assert "mixed" in found
    assert "shop in 2, r1 in 1" in found
    assert "host2 7" in found
    assert "99 does not answer" in found


def test_the_page_of_nothing_says_so() -> None:
    found = text_of(page([], NOW))
    assert "0 processes" in found
    assert "No process has a block." in found
    assert "Nobody" in found


def test_a_timeline_says_what_served_lingered_and_was_refused() -> None:
    found = page([document("shop")], NOW)
    kinds = re.findall('class="(serves|serves other|lingers|refused|back)"', found)
    assert kinds == ["serves", "serves other", "lingers", "serves", "refused", "back"]
    assert "0 shop served from 07:59:00 to 07:59:07" in text_of(found)
    assert "1 shop lingered until 08:00:00" in text_of(found)


def test_rows_that_are_too_many_are_not_drawn_but_listed() -> None:
    many = [document("shop") | {"host": f"host{at}"} for at in range(30)]
    found = page(many, NOW)
    assert found.count('class="refused"') == 20
    assert "The first 20 are drawn." in found
    assert all(f"host{at} 7" in found for at in range(30))


def luminance(colour: str) -> float:
    """Return how light a colour is, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_texts_stand_out(scheme: int) -> None:
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", STYLE.split("prefers-color-scheme: dark")[scheme]))
    assert len(colours) == 15
    for text, behind in (
        *itertools.product(("text", "soft", "link"), ("page", "card")),
        *itertools.product(("text",), ("one", "two")),
        *((one, f"{one}fill") for one in ("good", "old", "bad")),
    ):
        assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for line, behind in (("edge", "card"), ("old", "card"), ("bad", "one"), ("bad", "two")):
        assert contrast(colours[line], colours[behind]) >= 3, (line, behind)


@pytest.mark.parametrize("change", list(COLOURS))
def test_colours_of_a_graph_stand_out(change: Change) -> None:
    fill, around = COLOURS[change]
    assert contrast("#000000", fill) >= 7
    assert contrast(around, "#ffffff") >= 3


# What has happened is remembered.


def test_a_chronicle_is_bounded_in_number_and_length() -> None:
    chronicle = Chronicle()
    for at in range(500):
        chronicle(bf.Refused("shop", at, "swap", "PrepareError", "x" * 100_000))
        chronicle(bf.Converged("shop", at, ()))
    found = chronicle.told()
    assert [one["generation"] for one in found] == list(range(300, 500))
    assert max(len(one["text"]) for one in found) == 1001
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(chronicle.told("shop")))
    assert not chronicle.told("other")


def test_a_process_tells_what_happened_to_its_blocks(workshop: Workshop) -> None:
    workshop.write("shop.py", "def foo(): return 1\n")
    shop = bf.freeze_block("shop")
    bf.swap(shop, source="def foo(): return 2\n", label="r2")
    with pytest.raises(bf.PrepareError):
        bf.swap(shop, source="def foo(: pass\n")
    bf.rollback(shop)
    [told] = this_process()
    found = [(one["event"], one["generation"], one["label"]) for one in told["events"] if one["block"] == "shop"]
    found = [one for one in found if one[0] != "Drained"][-4:]
    assert found == [("Frozen", 1, ""), ("Committed", 2, "r2"), ("Refused", 2, ""), ("RolledBack", 1, "")]
    assert "SyntaxError" in text_of(page([told], NOW))


# The applications.


def ask(
    app: Any, method: str = "GET", path: str = "/", query: str = "", root: str = ""
) -> tuple[int, dict[str, str], str]:
    """Ask an ASGI application, and return its answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": method, "path": path, "root_path": root, "query_string": query.encode()}
    asyncio.run(app(scope, receive, send))
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"].decode()


def ask_wsgi(app: Any, method: str = "GET", path: str = "/", query: str = "") -> tuple[int, dict[str, str], str]:
    """Ask a WSGI application, and return its answer; what is against the protocol is an error."""
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path or "/", "QUERY_STRING": query}
    setup_testing_defaults(environ)
    started: list[Any] = []
    answer = validator(app)(environ, lambda *given: started.extend(given) or (lambda data: None))
    try:
        body = b"".join(answer)
    finally:
        answer.close()
    return int(started[0].split()[0]), dict(started[1]), body.decode()


asks = pytest.mark.parametrize(
    ("app", "ask"),
    [
        pytest.param(bf.asgi_status, ask, marks=[pytest.mark.needs_event_loop, pytest.mark.needs_threads], id="asgi"),
        pytest.param(bf.wsgi_status, ask_wsgi, id="wsgi"),
    ],
)


@asks
def test_get_and_head_are_answered_and_nothing_else(app: Any, ask: Any) -> None:
    made = app([document("shop")])
    status, headers, body = ask(made)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert headers["content-length"] == str(len(body.encode()))
    assert ask(made, "HEAD")[0::2] == (200, "")
    assert ask(made, "HEAD")[1].keys() == headers.keys()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, headers, _ = ask(made, method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert ask(made, path="/other")[0] == 404
    assert ask(made, path="")[0] == 200


@asks
def test_a_browser_is_told_to_run_and_load_nothing(app: Any, ask: Any) -> None:
    made = app([document("shop")])
    for path in ("/", "/status.json", "/other"):
        headers = ask(made, path=path)[1]
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert headers["cache-control"] == "no-store"


@asks
def test_the_same_is_there_as_data_without_what_programs_were_given(app: Any, ask: Any) -> None:
    status, headers, body = ask(
        app([{"processes": [document("shop")], "silent": []}, document("shop")]), path="/status.json"
    )
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert "swordfish" not in body
    first, second = json.loads(body)
    assert first["processes"][0] == second
    assert second["process"]["program"] == ["/bin/shop"]


@asks
def test_a_link_stops_what_shows_it_again(app: Any, ask: Any) -> None:
    made = app([document("shop")], refresh=2.5)
    assert 'http-equiv="refresh" content="2.5"' in ask(made)[2]
    assert 'href="?rest"' in ask(made)[2]
    assert 'http-equiv="refresh"' not in ask(made, query="rest")[2]
    assert 'href="?"' in ask(made, query="rest")[2]
    assert 'http-equiv="refresh"' not in ask(app([], refresh=0))[2]


@asks
def test_it_is_asked_for_once_a_second_and_a_failure_shows_nothing(
    app: Any, ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    times: list[int] = []

    def tell() -> list[Mapping[str, Any]]:
        times.append(threading.get_ident())
        if len(times) == 2:
            raise LookupError("a secret")
        return [document("shop")]

    made = app(tell)
    made._answers._told = float("-inf"), []
    assert [ask(made)[0] for _ in range(3)] == [200] * 3
    assert 1 <= len(times) <= 3
    del times[1:]
    made._answers._told = float("-inf"), []
    with caplog.at_level(logging.CRITICAL):
        status, _, body = ask(made)
    assert (status, "secret" in body) == (500, False)
    assert ask(made)[0] == 200


@pytest.mark.needs_event_loop
@pytest.mark.needs_threads
def test_an_application_below_another_one_is_found() -> None:
    made = bf.asgi_status([])
    assert ask(made, path="/ops/", root="/ops")[0] == 200
    assert ask(made, path="/ops/status.json", root="/ops")[0] == 200
    assert ask(made, path="/ops/more", root="/ops")[0] == 404
    assert repr(made) == "<ASGI status page>"


@pytest.mark.needs_event_loop
def test_the_lifespan_is_answered_and_a_websocket_is_refused() -> None:
    def talk(kind: str, *told: str) -> list[str]:
        said = iter(told)
        sent: list[str] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        async def receive() -> dict[str, Any]:
            return {"type": next(said)}

        asyncio.run(bf.asgi_status([])({"type": kind}, receive, send))
        return sent

    assert talk("lifespan", "lifespan.startup", "lifespan.shutdown") == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert talk("websocket", "websocket.connect") == ["websocket.close"]


@pytest.mark.needs_sockets
@pytest.mark.needs_threads
def test_the_processes_of_the_machine_are_asked_by_their_control_sockets(
    workshop: Workshop,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workshop.write("shop.py", "def foo(): return 1\n")
    bf.freeze_block("shop")
    directory = tmp_path_factory.mktemp("ctl", numbered=True)  # the path of a socket is short
    directory.chmod(0o700)
    with closing(bf.serve_control(directory)):
        [told] = this_machine(directory)
        [process] = told["processes"]
        assert process["blocks"][0]["block"] == "shop"
        assert process["events"][-1]["event"] == "Frozen"
        file = tmp_path / "page.html"
        command = ["status", "shop", "--directory", str(directory), "--html"]
        assert cli.main([*command, str(file)]) == 0
        assert not capsys.readouterr().out
        assert "generation 1" in text_of(file.read_text("utf-8"))
        assert cli.main([*command, str(file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["processes"][0]["blocks"][0]["block"] == "shop"
        assert cli.main([*command, str(tmp_path / "nowhere" / "page.html")]) == 2
        assert "name another file" in capsys.readouterr().err
    assert [*this_machine(tmp_path / "nothing")] == [{"processes": [], "silent": []}]
