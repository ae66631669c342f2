"""The README and the manual as tests: their Python blocks run, in order, section by section, in a fresh directory each.

A section is what stands under a heading of the first or the second level. A comment on the line before a block says
what else may become of it:

    <!-- file: shop.py -->           written to that file, and not run; ```python title="shop.py" says the same
    <!-- output -->                  compared with what the Python block before it printed
    <!-- needs: threads -->          run where threads exist; also fork, sockets and subprocess
    <!-- not executed: REASON -->    a console block that is not run, and why

Every other console block is run: each ``$`` command succeeds and prints what stands below it, if anything does;
``...`` on a line of its own stands for any lines. Python blocks have no way out. What stands between the lines
``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` is generated and is left alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Workshop

ROOT = Path(__file__).parents[1]
README = "README.md"
PAGES = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "pages").rglob("*.md")))
DOCUMENTS = (README, *PAGES)

_FENCE = re.compile(r'(?P<fence>```+)(?P<language>[\w-]*)(?: title="(?P<title>[^"]+)")?\s*')
_DIRECTIVE = re.compile(r"<!-- (?:(?P<output>output)|(?P<key>file|needs|not executed): (?P<value>.+?)) -->")
_GENERATED = re.compile(r"<!-- (?P<name>\w+):begin -->")
_HEADING = re.compile(r"##? (?P<title>.+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where its text begins, in which section and document, and what the comment before it says."""

    section: str
    language: str
    line: int
    text: str
    directive: str
    value: str
    document: str = README

    @property
    def place(self) -> str:
        """The document and the line, as messages name them."""
        return f"{self.document}:{self.line}"

    def complaint(self) -> str | None:
        """Return why no document may contain this block, or None."""
        if self.directive == "not executed" and self.language != "console":
            return "only console blocks may go unexecuted"
        if self.directive == "output" and self.language == "python":
            return "output is not Python"
        if self.language == "console" and not self.text.startswith("$ "):
            return "a console block begins with a command"
        return None


def text_of(document: str) -> str:
    """Return the text of a document, which is named by its path from the top of the checkout."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks_of(text: str, document: str = README) -> list[Block]:
    """Return the blocks of a document, but for those of the generated figures."""
    found: list[Block] = []
    section = directive = value = ""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if generated := _GENERATED.fullmatch(line):
            end = f"<!-- {generated['name']}:end -->"
            next(at for at, content in lines if content == end)
        elif fence := _FENCE.fullmatch(line):
            inside = []
            for _, content in lines:
                if content == fence["fence"]:
                    break
                inside.append(content)
            source = "".join(f"{content}\n" for content in inside)
            if fence["title"]:
                directive, value = "file", fence["title"]
            found.append(Block(section, fence["language"], number + 1, source, directive, value, document))
            directive = value = ""
        elif heading := _HEADING.fullmatch(line):
            section = heading["title"]
        elif said := _DIRECTIVE.fullmatch(line):
            directive, value = said["output"] or said["key"], said["value"] or ""
        elif line:
            directive = value = ""
    return found


def matches(expected: str, printed: str) -> bool:
    """Tell whether the output is as expected, where a line ``...`` stands for any lines."""
    parts = re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)
    return re.fullmatch(r"(?:.*\n)*?".join(map(re.escape, parts)), printed) is not None


def run(blocks: list[Block], workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the blocks of one section."""
    namespace: dict[str, object] = {"__name__": "document"}
    printed = ""
    for block in blocks:
        if block.directive == "file":
            workshop.write(block.value, block.text)
        elif block.directive == "output":
            assert matches(block.text, printed), f"{block.place}: printed\n{printed}"
        elif block.language == "python":
            # Blank lines before the text give its tracebacks the line numbers of the document.
            exec(compile("\n" * (block.line - 1) + block.text, str(ROOT / block.document), "exec"), namespace)
            printed = capsys.readouterr().out
        elif block.language == "console" and block.directive != "not executed":
            for command in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                line, _, expected = command.partition("\n")
                # As in an activated environment: the commands that came with the package are found.
                path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
                done = subprocess.run(
                    line,
                    check=False,
                    shell=True,
                    text=True,
                    capture_output=True,
                    cwd=workshop.path,
                    env={**os.environ, "PATH": path, "BLOCKFREEZE_FLEET_CACHE": str(workshop.path / "cache")},
                    timeout=300,
                )
                assert done.returncode == 0, f"{block.place}: {line}\n{done.stdout}{done.stderr}"
                assert not expected or matches(expected, done.stdout), f"{block.place}: {line}\n{done.stdout}"
