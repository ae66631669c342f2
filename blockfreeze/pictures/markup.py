"""HTML as a tree, which the standard library writes: whatever a text is, it stays a text."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from blockfreeze.pictures.parts import shown

Content = Element | str


def element(tag: str, *content: Content, **attributes: str) -> Element:
    """Return an element; a name of an attribute ends in an underscore where it is a word of Python, and has ``-``."""
    made = Element(tag, {name.strip("_").replace("_", "-"): shown(value) for name, value in attributes.items()})
    last: Element | None = None
    for one in content:
        if isinstance(one, Element):
            made.append(one)
            last = one
        elif last is None:
            made.text = (made.text or "") + shown(one)
        else:
            last.tail = (last.tail or "") + shown(one)
    return made


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[Content]]) -> Element:
    """Return a table that scrolls by itself, also by keyboard; the first cell of a row is its head.

    Where it is narrow, a row is a list: then browsers forget what is a table, unless roles say so.
    """
    heads = tuple(heads)
    made = element("table", element("caption", caption), role="table")
    head = SubElement(SubElement(made, "thead", role="rowgroup"), "tr", role="row")
    head.extend([element("th", one, scope="col", role="columnheader") for one in heads])
    body = SubElement(made, "tbody", role="rowgroup")
    for row in rows:
        cells = [one if isinstance(one, Element) and one.tag == "td" else element("td", one) for one in row]
        for at, (cell, said) in enumerate(zip(cells, heads, strict=True)):
            cell.set("data-head", said)
            cell.set("role", "cell" if at else "rowheader")
        cells[0].tag = "th"
        cells[0].set("scope", "row")
        SubElement(body, "tr", role="row").extend(cells)
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def written(root: Element) -> str:
    """Return a document."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"
