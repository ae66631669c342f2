"""A picture in SVG: Graphviz lays it out, https://graphviz.org. What is added is titles, and colours for the dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from blockfreeze.core.errors import ControlError
from blockfreeze.pictures.parts import shown

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"

_STYLE: Final = """
@media (prefers-color-scheme: dark) {
  .graph > polygon { fill: #16181d }
  text { fill: #ececec }
  .cluster path, .cluster polygon { stroke: #777 }
  .node path, .node polygon { fill: #2a2d34; stroke: #aaa }
  .edge path, .edge polygon { stroke: #aaa }
  .edge polygon:not([fill="none"]) { fill: #aaa }
  .added path, .added polygon { fill: #00432f; stroke: #3fc79d }
  .removed path, .removed polygon { fill: #5a2400; stroke: #ff9a5c }
  .changed path, .changed polygon { fill: #00375a; stroke: #6cbcf0 }
  .by_callee path, .by_callee polygon { fill: #4a3600; stroke: #f0c14b }
}
"""


def to_svg(title: str, dot: str, names: Sequence[str]) -> str:
    """Return a picture of a graph in DOT.

    Args:
        names: by their numbers, the titles of the nodes.

    Raises:
        ControlError: the `graphviz` package, or Graphviz itself, is not installed.
    """
    from xml.etree import ElementTree

    text = _drawn(dot)
    for prefix, space in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(text)
    root.set("role", "img")
    root.set("aria-label", shown(title))
    style = ElementTree.Element(f"{{{_SVG}}}style")
    style.text = _STYLE
    root.insert(0, style)
    for group in root.iter(f"{{{_SVG}}}g"):
        said = group.find(f"{{{_SVG}}}title")
        if said is not None and group.get("class", "").startswith("node"):
            said.text = shown(names[int((said.text or "n0")[1:])])
        elif said is not None and group.get("class") in ("edge", "cluster"):
            group.remove(said)  # its own number; what it is stands in its tooltip, or in its label
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _drawn(dot: str) -> str:
    try:
        import graphviz  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ControlError(
            "the picture was not drawn: the package 'graphviz' is not installed; install blockfreeze[graph], or take "
            "--format dot or mermaid, which need nothing"
        ) from None
    try:
        drawn: str = graphviz.Source(dot).pipe(format="svg", encoding="utf-8")
    except graphviz.ExecutableNotFound:
        raise ControlError(
            "the picture was not drawn: Graphviz's program 'dot' is not on PATH; install Graphviz (Debian: apt-get "
            "install graphviz; macOS: brew install graphviz), or take --format dot or mermaid, which need nothing"
        ) from None
    except graphviz.CalledProcessError as error:
        raise ControlError(
            f"the picture was not drawn: 'dot' failed: {error}; draw less with --only or --depth"
        ) from error
    return drawn
