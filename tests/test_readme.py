"""README.md does what it says: its Python blocks run, in order, section by section, in a fresh directory each.

A comment on the line before a block says what else may become of it:

    <!-- file: shop.py -->           written to that file, and not run
    <!-- output -->                  compared with what the Python block before it printed
    <!-- needs: threads -->          run where threads exist; also fork and subprocess
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
from typing import Any

import pytest
from conftest import Workshop

README = Path(__file__).parents[1] / "README.md"

_FENCE = re.compile(r"(?P<fence>```+)(?P<language>[\w-]*)\s*")
_DIRECTIVE = re.compile(r"<!-- (?:(?P<output>output)|(?P<key>file|needs|not executed): (?P<value>.+?)) -->")
_GENERATED = re.compile(r"<!-- (?P<name>\w+):begin -->")
_HEADING = re.compile(r"##? (?P<title>.+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where its text begins, in which section, and what the comment before it says."""

    section: str
    language: str
    line: int
    text: str
    directive: str
    value: str

    def complaint(self) -> str | None:
        """Return why the README may not contain this block, or None."""
        if self.directive == "not executed" and self.language != "console":
            return "only console blocks may go unexecuted"
        if self.directive == "output" and self.language == "python":
            return "output is not Python"
        if self.language == "console" and not self.text.startswith("$ "):
            return "a console block begins with a command"
        return None


def blocks_of(text: str) -> list[Block]:
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
            found.append(Block(section, fence["language"], number + 1, source, directive, value))
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
    namespace: dict[str, object] = {"__name__": "readme"}
    printed = ""
    for block in blocks:
        if block.directive == "file":
            workshop.write(block.value, block.text)
        elif block.directive == "output":
            assert matches(block.text, printed), f"README.md:{block.line}: printed\n{printed}"
        elif block.language == "python":
            # Blank lines before the text give its tracebacks the line numbers of the document.
            exec(compile("\n" * (block.line - 1) + block.text, str(README), "exec"), namespace)
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
                    env={**os.environ, "PATH": path},
                )
                assert done.returncode == 0, f"README.md:{block.line}: {line}\n{done.stdout}{done.stderr}"
                assert not expected or matches(expected, done.stdout), f"README.md:{block.line}: {line}\n{done.stdout}"


def _sections() -> list[Any]:
    blocks = blocks_of(README.read_text(encoding="utf-8"))
    found = []
    for title in dict.fromkeys(block.section for block in blocks):
        inside = [block for block in blocks if block.section == title]
        needs = {name for block in inside if block.directive == "needs" for name in block.value.split(", ")}
        if any(block.language == "console" and block.directive != "not executed" for block in inside):
            needs.add("subprocess")
        marks = [getattr(pytest.mark, f"needs_{name}") for name in sorted(needs)]
        found.append(pytest.param(inside, id=title, marks=marks))
    return found


@pytest.mark.parametrize("blocks", _sections())
def test_section_does_what_it_says(
    blocks: list[Block], workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workshop.path)
    run(blocks, workshop, capsys)


def test_every_block_is_of_a_kind_that_is_run_or_says_why_not() -> None:
    complaints = [
        (block.line, why) for block in blocks_of(README.read_text(encoding="utf-8")) if (why := block.complaint())
    ]
    assert not complaints


def test_the_readme_has_python_to_run() -> None:
    assert any(block.language == "python" for block in blocks_of(README.read_text(encoding="utf-8")))


DOCUMENT = """\
# Title

## First

<!-- file: pieces/shop.py -->
```python
answer = 42
```

```python
from pieces.shop import answer
print("the answer")
print(answer)
```

<!-- output -->
```text
the answer
42
```

<!-- figures:begin -->
```python
raise SystemExit
```
<!-- figures:end -->

## Second

<!-- needs: threads -->
```python
raise LookupError(answer)
```

<!-- not executed: it never ends -->
```console
$ python -m shop
```
"""


def test_blocks_are_found_with_section_line_and_comment() -> None:
    found = blocks_of(DOCUMENT)
    assert [(block.section, block.language, block.line, block.directive, block.value) for block in found] == [
        ("First", "python", 7, "file", "pieces/shop.py"),
        ("First", "python", 11, "", ""),
        ("First", "text", 18, "output", ""),
        ("Second", "python", 32, "needs", "threads"),
        ("Second", "console", 37, "not executed", "it never ends"),
    ]
    assert [block.complaint() for block in found] == [None] * 5


def test_a_section_runs_in_order_and_compares_its_output(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    found = blocks_of(DOCUMENT)
    run(found[:3], workshop, capsys)
    with pytest.raises(AssertionError, match="printed"):
        run([*found[:2], Block("", "text", 0, "the answer\n43\n", "output", "")], workshop, capsys)


def test_an_error_in_a_block_stands_at_its_line_of_the_document(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NameError) as raised:
        run(blocks_of(DOCUMENT)[3:], workshop, capsys)
    assert raised.traceback[-1].lineno == 32 - 1


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\nb\nc\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("...\nd\n", "a\nd\ne\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_three_dots_stand_for_any_lines(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same


def test_a_block_that_is_not_run_without_reason_is_refused() -> None:
    python = blocks_of("<!-- not executed: too slow -->\n```python\n1\n```\n")
    console = blocks_of("```console\nblockfreeze --version\n```\n")
    assert [block.complaint() for block in python + console] == [
        "only console blocks may go unexecuted",
        "a console block begins with a command",
    ]


@pytest.mark.needs_subprocess
def test_console_commands_are_run_and_their_output_compared(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    run(blocks_of("```console\n$ echo one\none\n$ echo two\n```\n"), workshop, capsys)
    for failing in ("$ echo one\ntwo\n", "$ exit 3\n"):
        with pytest.raises(AssertionError, match=r"README\.md:2"):
            run(blocks_of(f"```console\n{failing}```\n"), workshop, capsys)
