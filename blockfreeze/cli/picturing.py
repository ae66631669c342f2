"""`blockfreeze graph`: the definitions of a block, and how they call each other, as a picture or as data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from blockfreeze.cli.showing import write_file
from blockfreeze.cli.typed import Depth
from blockfreeze.core.errors import ControlError, FreezeError
from blockfreeze.pictures.drawing import graph as graph_of
from blockfreeze.pictures.graph import Graph

_MANY: Final = 300
"""How many definitions are drawn one by one, if nothing is said."""

_MODULES: Final = 80
"""How many modules or packages are drawn then: Graphviz takes minutes for a thousand."""

_FORMATS: Final[Mapping[str, Callable[[Graph], str]]] = MappingProxyType(
    {
        "dot": Graph.to_dot,
        "mermaid": Graph.to_mermaid,
        "svg": Graph.to_svg,
        "json": lambda graph: json.dumps(graph.to_json(), indent=2) + "\n",
    }
)

_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid", ".svg": "svg", ".json": "json"}
)


@click.command(
    short_help="draw the definitions of a block, and how they call each other",
    epilog="Exit status: 0 if it was drawn, 2 if it could not be.",
)
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--format", "form", type=click.Choice(list(_FORMATS)), help="What to write.  [default: as FILE is named, or dot]"
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to.")
@click.option("--diff", metavar="OTHER", help="Show what another version changes: a directory, a file, or a release.")
@click.option(
    "--depth",
    type=Depth(),
    metavar="DEPTH",
    help="Draw each 'definition', each 'module', or packages, by so many parts of their names: 2 for a.b.  "
    f"[default: 'definition' up to {_MANY}, then what is at most {_MODULES}]",
)
@click.option("--only", metavar="PATTERN", multiple=True, help="Only names like this, as in a shell: 'shop.cart.*'.")
def graph(
    modules: tuple[str, ...],
    form: str | None,
    output: Path | None,
    diff: str | None,
    depth: str | int | None,
    only: tuple[str, ...],
) -> int:
    """Draw the definitions of MODULE (several make one block): which of them call which, which calls are bound
    statically, which definitions outsiders call, and what is not bound and why. With another version, also what is
    added, removed and changed, and what uses that. Modules are looked up in the current directory first, and read, not
    run.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # as for `check`
    form = form or (_SUFFIXES.get(output.suffix.lower(), "dot") if output else "dot")
    try:
        found = graph_of(*modules, against=diff)
    except FreezeError as error:
        raise ControlError(f"{'+'.join(modules)}: there is nothing to draw: {error}") from error
    found = found.only(only) if only else found
    if depth is None and form != "json" and len(found.definitions) > _MANY:
        count, found = len(found.definitions), found.in_short(_MODULES)
        said = f"{count} definitions, drawn as {len(found.definitions)} modules or packages"
        print(f"{said}; say --depth, or --only, for more", file=sys.stderr)
    elif depth not in (None, "definition"):
        found = found.by_module(depth if isinstance(depth, int) else None)
    text = _FORMATS[form](found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
    for one in found.unreadable:
        print(f"left out: {one}", file=sys.stderr)
    return 0
