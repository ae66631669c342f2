"""The README and the manual do what they say: each section is run, as `documents` reads it; and how it is read."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop
from documents import DOCUMENTS, README, Block, blocks_of, matches, run, text_of


def _sections(document: str) -> list[Any]:
    blocks = blocks_of(text_of(document), document)
    found = []
    for title in dict.fromkeys(block.section for block in blocks):
        inside = [block for block in blocks if block.section == title]
        needs = {name for block in inside if block.directive == "needs" for name in block.value.split(", ")}
        if any(block.language == "console" and block.directive != "not executed" for block in inside):
            needs.add("subprocess")
        marks = [getattr(pytest.mark, f"needs_{name}") for name in sorted(needs)]
        found.append(pytest.param(inside, id=f"{document}: {title}", marks=marks))
    return found


@pytest.mark.parametrize("blocks", [section for document in DOCUMENTS for section in _sections(document)])
def test_section_does_what_it_says(
    blocks: list[Block], workshop: Workshop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workshop.path)
    run(blocks, workshop, capsys)


def test_every_block_is_of_a_kind_that_is_run_or_says_why_not() -> None:
    blocks = [block for document in DOCUMENTS for block in blocks_of(text_of(document), document)]
    assert [(block.place, why) for block in blocks if (why := block.complaint())] == []


def test_the_readme_has_python_to_run() -> None:
    assert any(block.language == "python" for block in blocks_of(text_of(README)))


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


def test_a_block_with_a_title_is_the_file_of_that_name() -> None:
    [found] = blocks_of('```python title="pieces/shop.py"\nanswer = 42\n```\n', "docs/pages/page.md")
    assert (found.language, found.directive, found.value) == ("python", "file", "pieces/shop.py")
    assert found.place == "docs/pages/page.md:2"


@pytest.mark.needs_subprocess
def test_console_commands_are_run_and_their_output_compared(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    run(blocks_of("```console\n$ echo one\none\n$ echo two\n```\n"), workshop, capsys)
    for failing in ("$ echo one\ntwo\n", "$ exit 3\n"):
        with pytest.raises(AssertionError, match=r"README\.md:2"):
            run(blocks_of(f"```console\n{failing}```\n"), workshop, capsys)
