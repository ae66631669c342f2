"""The status page and a picture in a real browser, Chromium without a window.

``BLOCKFREEZE_SCREENSHOTS=docs/pages/images python -m pytest tests/test_in_browser.py`` makes the manual's pictures.
``BLOCKFREEZE_MERMAID=dist/mermaid.min.js``, out of the npm package `mermaid`, lets Mermaid itself draw.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from socketserver import ThreadingMixIn
from textwrap import dedent
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from conftest import Workshop
from test_graph import NASTY, graph_of

import blockfreeze as bf
from blockfreeze.pictures.parts import shown

pytestmark = [pytest.mark.needs_browser, pytest.mark.needs_subprocess, pytest.mark.needs_threads]

FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"),
    *(
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        "hide-scrollbars",
        "force-device-scale-factor=1",
    ),
)

LIMIT = 60.0


@contextmanager
def browser_in(directory: Path, *, scripts: bool = True) -> Iterator[Any]:
    """Start a browser with a new profile; without `scripts`, pages cannot run any."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = which("chromium") or ""
    for flag in (*FLAGS, f"user-data-dir={directory}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = Chrome(options=options, service=Service(which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser_in(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve a WSGI application on loopback; return its address."""

    class Silent(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    class Threaded(ThreadingMixIn, WSGIServer):
        """A browser opens connections that it may never use."""

        daemon_threads, block_on_close = True, False

    with make_server("127.0.0.1", 0, app, Threaded, Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def look(browser: Any, width: int, height: int, scheme: str) -> None:
    """Let the window be so large, and what the reader prefers light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def keep(browser: Any, name: str) -> None:
    """Keep a picture of what the browser shows for the manual, if that is wanted."""
    place = os.environ.get("BLOCKFREEZE_SCREENSHOTS")
    if place and name in ("status-page-wide-light", "status-page-narrow-dark", "graph-light"):
        assert browser.save_screenshot(str(Path(place) / f"{name}.png"))


def event(kind: str, ago: float, generation: int, text: str, **more: Any) -> dict[str, Any]:
    found = {
        "at": time.time() - 60 * ago,
        "event": kind,
        "block": "shop",
        "generation": generation,
        "label": "",
        "text": text,
    }
    return found | more


def process_of(
    host: str, pid: int, release: str, *events: dict[str, Any], lingering: tuple[Any, ...] = ()
) -> dict[str, Any]:
    number = 2 if release == "r41" else 4
    block = {
        "block": "shop",
        "state": "overlap" if lingering else "serving",
        "generation": number,
        "label": release,
        "hash": {"r41": "9f2c31aa07de", "r43": "41d0c7b2e95f"}[release],
        "pointer": "/srv/shop/current",
        "generations": [{"number": 1}, {"number": 2}, {"number": number}],
        "lingering": list(lingering),
    }
    process = {"pid": pid, "program": ["/usr/bin/gunicorn"], "python": "3.13.1"}
    return {"host": host, "process": process, "blocks": [block], "events": list(events)}


REASON = "shop: the swap was refused, and generation 2 goes on: PrepareError: the check failed: 3 prices differ"


def fleet() -> list[dict[str, Any]]:
    """Return what a service of three processes tells in which one has not followed."""
    told = []
    for number, (host, pid) in enumerate((("web1", 2041), ("web1", 2042), ("web2", 977))):
        events = [
            event("Frozen", 118 - number, 1, "shop: generation 1 (r40) serves, the first one", label="r40"),
            event("Committed", 95 - number, 2, "shop: generation 2 (r41) serves, after 1", label="r41"),
            event("Drained", 93 - number, 2, "shop: [1] have drained, 2 serves", retired=[1]),
            event("Refused", 70 - number, 2, REASON),
        ]
        if number < 2:
            events += [
                event("Committed", 52 - number, 3, "shop: generation 3 (r42) serves, after 2", label="r42"),
                event("RolledBack", 41 - number, 2, "shop: generation 2 (r41) serves again: 5 % errors", label="r41"),
                event("Drained", 38 - number, 2, "shop: [3] have drained, 2 serves", retired=[3]),
                event("Committed", 24 - number, 4, "shop: generation 4 (r43) serves, after 2", label="r43"),
            ]
        place = {"file": "/srv/shop/r41/shop/export.py", "line": 48, "function": "rows"}
        lingers = {"generation": 2, "kind": "task", "owner": "GET /export", "seconds": 60.0 * 24, **place}
        told.append(
            process_of(host, pid, "r43" if number < 2 else "r41", *events, lingering=(lingers,) if number == 0 else ())
        )
    return [{"processes": told, "silent": [978]}]


SIZES = (("wide", 1100, 900), ("narrow", 360, 740))


@pytest.mark.parametrize(("name", "width", "height"), SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_loads_nothing(browser: Any, name: str, width: int, height: int, scheme: str) -> None:
    look(browser, width, height, scheme)
    with served(bf.wsgi_status(fleet)) as address:
        browser.get(address)
        assert browser.title == "blockfreeze: what runs"
        wide = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        assert browser.execute_script(wide) == [width, width]
        assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
        background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background))) < 300) is (scheme == "dark")
        keep(browser, f"status-page-{name}-{scheme}")
        assert browser.get_log("browser") == []


def roles(browser: Any) -> dict[str, int]:
    """Return how often each role of tables is what a screen reader is told."""
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = [one["role"]["value"] for one in tree if not one["ignored"]]
    return {role: found.count(role) for role in ("table", "row", "columnheader", "rowheader", "heading", "region")}


def test_a_table_stays_one_for_a_screen_reader_where_it_is_narrow(browser: Any) -> None:
    with served(bf.wsgi_status(fleet, refresh=0)) as address:
        browser.get(address)
        found = []
        for _, width, height in SIZES:
            look(browser, width, height, "light")
            found.append(roles(browser))
        assert found[0] == found[1]
        assert found[0]["table"] == 4
        assert found[0]["heading"] == 6


def test_a_hostile_text_is_a_text(browser: Any) -> None:
    from selenium.webdriver.common.by import By

    said = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    told = fleet()
    told[0]["processes"][0]["blocks"][0] |= {"label": said}
    told[0]["processes"][0]["events"].append(event("Refused", 1, 4, said))
    with served(bf.wsgi_status(told, refresh=0)) as address:
        browser.get(address)
        assert said in browser.find_element(By.TAG_NAME, "main").text
        assert browser.title == "blockfreeze: what runs"
        assert browser.get_log("browser") == []


def test_a_keyboard_reaches_all_that_can_be_used(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    look(browser, 1100, 900, "light")
    with served(bf.wsgi_status(fleet)) as address:
        browser.get(address)
        reached = []
        for _ in range(6):
            ActionChains(browser).send_keys(Keys.TAB).perform()
            active = browser.switch_to.active_element
            reached.append(active.get_attribute("aria-label") or active.text)
        assert reached[0] == "Pause"
        assert len({*reached}) == 6
        assert "Generations over time, drawn" in reached


def test_a_swap_appears_without_scripts_and_a_key_stops_that(workshop: Workshop, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    workshop.write("shop.py", "def foo(): return 1\n")
    shop = bf.freeze_block("shop")
    with browser_in(tmp_path / "profile", scripts=False) as browser, served(bf.wsgi_status(refresh=1)) as address:

        def shows(text: str) -> bool:
            return text in browser.page_source

        browser.get(address)
        assert not shows("the second one")
        bf.swap(shop, source="def foo(): return 2\n", label="the second one")
        until(lambda: shows("the second one"))
        browser.get(f"{address}?")
        ActionChains(browser).send_keys(Keys.TAB, Keys.ENTER).perform()
        until(lambda: browser.current_url.endswith("?rest"))
        assert browser.find_element(By.TAG_NAME, "a").text == "Go on"
        assert not shows('http-equiv="refresh"')


SHOP = {
    "shop/__init__.py": """
        from blockfreeze import entry
        from .cart import total

        @entry
        def pay(items):
            return total(items)
    """,
    "shop/cart.py": """
        from .rates import tax

        def total(items):
            return sum(price(one) for one in items)

        def price(item):
            return item + tax(item)

        def receipt(items):
            return dict(locals(), total=total(items))
    """,
    "shop/rates.py": """
        RATE = 0.2

        def tax(amount):
            return amount * RATE
    """,
}


@pytest.mark.needs_graphviz
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_is_shown_with_what_it_says(browser: Any, scheme: str, workshop: Workshop, tmp_path: Path) -> None:
    for file, text in SHOP.items():
        workshop.write(file, dedent(text))
    later = {file: dedent(text) for file, text in SHOP.items()}
    later["shop/rates.py"] = later["shop/rates.py"].replace("0.2", "0.25")
    later["shop/cart.py"] += "\ndef discount(items):\n    return total(items) / 2\n"
    graph = bf.graph("shop", against=workshop.version("r42", later))
    picture = tmp_path / "shop.svg"
    picture.write_text(graph.to_svg().replace(str(graph.against), "r42"), encoding="utf-8")
    look(browser, 1200, 450, scheme)
    browser.get(picture.as_uri())
    texts = browser.execute_script("return [...document.querySelectorAll('text')].map(one => one.textContent)")
    assert {"total", "price", "+ added", "→ changed by what it uses"} <= {*texts}
    titles = browser.execute_script(
        "return [...document.querySelectorAll('.node > title')].map(one => one.textContent)"
    )
    assert sorted(titles) == [one.name for one in graph.definitions]
    assert browser.execute_script("return document.documentElement.getAttribute('role')") == "img"
    keep(browser, f"graph-{scheme}")
    assert browser.get_log("browser") == []


@pytest.mark.skipif(
    not os.environ.get("BLOCKFREEZE_MERMAID"),
    reason="BLOCKFREEZE_MERMAID does not name Mermaid's file, dist/mermaid.min.js of its npm package",
)
def test_mermaid_itself_shows_every_name(browser: Any, tmp_path: Path) -> None:
    names = [
        *NASTY,
        "class",
        "subgraph",
        "style",
        "click",
        "default",
        "o",
        "x",
        "end end",
        "`*bold*`",
        "- a",
        "@{shape}",
    ]
    page = tmp_path / "page.html"
    script = Path(os.environ["BLOCKFREEZE_MERMAID"]).resolve().as_uri()
    text = json.dumps(graph_of(names).to_mermaid()).replace("<", "\\u003c")
    page.write_text(
        f"""<!doctype html><meta charset="utf-8"><body><script src="{script}"></script><script>
        mermaid.initialize({{startOnLoad: false}});
        mermaid.render("drawn", {text}).then(
            found => {{ document.body.innerHTML = found.svg; document.title = "drawn" }},
            error => {{ document.title = "failed: " + error }});
        </script>""",
        encoding="utf-8",
    )
    browser.get(page.as_uri())
    until(lambda: browser.title)
    assert browser.title == "drawn"
    read = (
        "return [...document.querySelectorAll('.node')].map(one => [one.id, one.querySelector('p').childNodes[0].data])"
    )
    found = browser.execute_script(read)
    shows = {int(identity.rpartition("-n")[2].partition("-")[0]): text for identity, text in found}
    assert [shows[at].replace("\N{WORD JOINER}", "") for at in range(len(names))] == [shown(name) for name in names]
