"""How the benchmarks are laid out: what they share with the tests stands apart, and nothing is imported in a circle.

Everything is read off the source with `ast`; imports under ``if TYPE_CHECKING``, and those inside functions, count too.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from import_graph import imported, on_circles

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
}
TESTS = {path.stem: path for path in sorted((ROOT / "tests").glob("*.py"))}

SHARED = "benchmarks.shapes"
FRAME = "benchmarks.frame"
OF_PROGRAMS = {
    "test_bad_input",
    "test_benchmarks",
    "test_fidelity_runner",
    "test_identity",
    "test_manual",  # of the charts, which it draws again
    "test_release_pairs",
    "test_torn",
}
"""The tests of the programs themselves, which import what they test."""

LONGEST = 300


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the dotted names that the file's import statements may reach."""
    return frozenset(imported(ast.walk(ast.parse(path.read_text(encoding="utf-8")))))


def of_benchmarks(path: Path) -> set[str]:
    """Return the modules of the benchmarks that the file imports."""
    return {module_of(name) for name in names_in(path) if is_in(name, "benchmarks")}


def module_of(name: str) -> str:
    """Return the module of a dotted name; one that is no module belongs to its parent."""
    return name if name in FILES else module_of(name.rpartition(".")[0])


def is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def test_there_are_shapes_a_frame_and_the_tests_of_the_programs() -> None:
    assert {SHARED, FRAME} <= FILES.keys()
    assert not OF_PROGRAMS - TESTS.keys()


def test_benchmarks_import_no_tests() -> None:
    own = TESTS.keys() | {"tests"}
    assert not [(name, found) for name, path in FILES.items() for found in names_in(path) if found.split(".")[0] in own]


def test_what_is_shared_imports_nothing_else_of_the_benchmarks() -> None:
    for package in (SHARED, FRAME):
        members = {name: of_benchmarks(path) for name, path in FILES.items() if is_in(name, package)}
        assert not [(name, other) for name, names in members.items() for other in names if not is_in(other, package)]


def test_tests_import_the_shapes_alone_but_for_those_of_the_programs() -> None:
    more = [
        (name, other)
        for name, path in TESTS.items()
        if name not in OF_PROGRAMS
        for other in of_benchmarks(path)
        if not is_in(other, SHARED)
    ]
    assert not more


def test_no_module_is_imported_in_a_circle() -> None:
    assert not on_circles({name: of_benchmarks(path) - {name} for name, path in FILES.items()})


def test_no_program_is_imported_in_a_circle() -> None:
    """A program is a package or a file directly below `benchmarks`, which itself is one too."""

    def program(name: str) -> str:
        return ".".join(name.split(".")[:2])

    graph: dict[str, set[str]] = {program(name): set() for name in FILES}
    for name, path in FILES.items():
        graph[program(name)] |= {program(other) for other in of_benchmarks(path)} - {program(name)}
    assert not on_circles(graph)


def users_of(package: str) -> set[str]:
    return {name for name, path in FILES.items() for found in names_in(path) if is_in(found, package)}


def test_command_lines_tables_and_workers_are_made_in_the_frame_alone() -> None:
    assert users_of("argparse") == {"benchmarks.frame.command_line"}
    assert users_of("rich") == {"benchmarks.frame.tables"}
    started = {name for name, path in FILES.items() if "sys.executable" in path.read_text(encoding="utf-8")}
    # What fills folders runs pip, what upgrades services or runs pytest types commands as users do, and servers and the
    # processes of their clients are services: these are no workers.
    users = {"benchmarks.update_kit.__main__", "benchmarks.upgrades.__main__"}
    others = {"benchmarks.frame.folders", "benchmarks.operate.services", "benchmarks.shapes.machines", *users}
    assert started == {"benchmarks.frame.processes", *others}


def test_rich_is_imported_inside_functions() -> None:
    tree = ast.parse(FILES["benchmarks.frame.tables"].read_text(encoding="utf-8"))
    eager = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [text for text in eager if "rich" in text]


def test_files_are_short() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}
