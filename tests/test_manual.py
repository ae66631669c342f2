"""The manual as a whole: how long the README is, where links lead, which files and names exist, what is drawn."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from documents import DOCUMENTS, PAGES, README, ROOT, text_of

import blockfreeze as bf

LONGEST_README = 250

_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
_DOCUMENTED = re.compile(r"^::: blockfreeze\.(?P<name>\w+)$", re.MULTILINE)
_PATH = re.compile(r"(?<![\w/.])(?:blockfreeze|tests|benchmarks|docs)/[\w/*]+\.(?:py|json|md|svg|yml)\b")
_RUN = re.compile(r"python -m (?P<module>(?:benchmarks|blockfreeze)\b[\w.]*\b)")
_TEST_FILE = re.compile(r"\btest_[\w*]+\.py\b")
_PAGE_IN_SITE = re.compile(r"^ +- (?:.+: )?(?P<page>[\w/-]+\.md)$", re.MULTILINE)


def prose_of(document: str) -> str:
    return _CODE.sub("", text_of(document))


def anchor_of(title: str) -> str:
    """Return the anchor of a heading, as both GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def links() -> Iterator[tuple[str, str, str]]:
    """Yield each link that does not lead out of the checkout: the document, the file, the anchor."""
    for document in DOCUMENTS:
        for found in _LINK.finditer(prose_of(document)):
            if "://" not in found["path"]:
                yield document, unquote(found["path"]), found["anchor"] or ""


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= LONGEST_README


def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading() -> None:
    astray = []
    for document, path, anchor in links():
        target = (ROOT / document).parent / path if path else ROOT / document
        found = target.is_file()
        if found and anchor:
            text = _CODE.sub("", target.read_text(encoding="utf-8"))
            found = anchor in {anchor_of(heading["title"]) for heading in _HEADING.finditer(text)}
        if not found:
            astray.append((document, path, anchor))
    assert astray == []


def test_no_page_links_to_what_the_site_does_not_have() -> None:
    pages = ROOT / "docs" / "pages"
    outside = [
        (document, path)
        for document, path, _ in links()
        if document in PAGES and not ((ROOT / document).parent / path).resolve().is_relative_to(pages.resolve())
    ]
    assert outside == []


def test_every_page_is_in_the_contents_of_the_site() -> None:
    named = [found["page"] for found in _PAGE_IN_SITE.finditer(text_of("docs/mkdocs.yml"))]
    assert sorted(f"docs/pages/{page}" for page in named) == list(PAGES)


def test_the_readme_leads_to_every_page_by_some_links() -> None:
    leads: dict[Path, set[Path]] = {}
    for document, path, _ in links():
        leads.setdefault((ROOT / document).resolve(), set()).add(((ROOT / document).parent / path).resolve())
    reached, ahead = set[Path](), {(ROOT / README).resolve()}
    while ahead:
        reached |= ahead
        ahead = {there for here in ahead for there in leads.get(here, ())} - reached
    assert [page for page in PAGES if (ROOT / page).resolve() not in reached] == []


def test_the_reference_documents_every_public_name_once() -> None:
    named = [found["name"] for page in PAGES for found in _DOCUMENTED.finditer(text_of(page))]
    assert sorted(named) == sorted(bf.__all__)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_is_named_exists(document: str) -> None:
    named = set(_PATH.findall(text_of(document)))
    assert {path for path in named if not any(ROOT.glob(path))} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_file_that_is_named_exists(document: str) -> None:
    named = set(_TEST_FILE.findall(text_of(document)))
    assert {name for name in named if not any((ROOT / "tests").rglob(name))} == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_that_is_to_be_run_exists(document: str) -> None:
    named = {found["module"] for found in _RUN.finditer(text_of(document))}
    assert {module for module in named if importlib.util.find_spec(module) is None} == set()


@pytest.mark.parametrize("name", ["torn", "latency"])
def test_a_chart_is_what_its_results_say(name: str) -> None:
    pytest.importorskip("pyperf", reason="the benchmarks need the extra `bench`")
    from benchmarks import charts

    assert name in charts.CHARTS
    result = (charts.RESULTS / f"{name}.json").read_text(encoding="utf-8")
    drawn = charts.drawn(charts.CHARTS[name](result))
    assert (charts.IMAGES / f"{name}.svg").read_text(encoding="utf-8") == drawn, "run: python -m benchmarks.charts"


def test_every_image_is_shown_and_says_what_it_shows() -> None:
    images = {path.name for path in (ROOT / "docs" / "pages" / "images").iterdir()}
    shown = {Path(path).name: document for document, path, _ in links() if path.endswith((".svg", ".png"))}
    assert set(shown) == images
    drawn = [name for name in images if name.endswith(".svg")]
    assert [name for name in drawn if "<title>" not in text_of(f"docs/pages/images/{name}")] == []
    described = {
        name for name in images - set(drawn) if re.search(rf"!\[[^]]+]\(images/{name}\)", text_of(shown[name]))
    }
    assert described == images - set(drawn)
