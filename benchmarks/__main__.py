"""``python -m benchmarks``: ask all questions or those named, and show a table or write JSON."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.costs.catalog import QUESTIONS
from benchmarks.costs.document import from_json
from benchmarks.costs.running import answers
from benchmarks.costs.tables import NAME, caption, markdown, tables
from benchmarks.frame.command_line import CommandLine
from benchmarks.frame.pages import write_into_page
from benchmarks.frame.telling import tell, tell_where, write_json

STANDARD_OUTPUT = Path("-")


def _line() -> CommandLine:
    questions = "\n".join(f"  {name}: {question.text}" for name, question in QUESTIONS.items())
    line = CommandLine("benchmarks", "Measure what blockfreeze costs.", f"questions:\n{questions}")
    line.add_argument("names", nargs="*", metavar="NAME", help="ask these questions only")
    line.add_quick()
    line.add_json("write the result to FILE (- for standard output), no table")
    line.add_argument(
        "--page",
        nargs="+",
        type=Path,
        metavar="RESULT",
        help="measure nothing; rewrite the manual's tables from these JSON files, one column each",
    )
    return line


def main() -> int:
    """Run the command line and return the exit code: 1 if a subject failed to answer."""
    line = _line()
    options = line.parse()
    if options.page:
        documents = [from_json(path.read_text(encoding="utf-8")) for path in options.page]
        write_into_page(NAME, markdown(documents))
        return 0
    unknown = [name for name in options.names if name not in QUESTIONS]
    if unknown:
        line.error(f"no such question: {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}")
    tell_where()
    found = answers([QUESTIONS[name] for name in options.names or QUESTIONS], options.quick, tell)
    if options.json is None:
        for table in tables([found]):
            table.show()
        print(caption([found]))
    elif options.json == STANDARD_OUTPUT:
        print(found.to_json())
    else:
        write_json(options.json, found.fields())
    for failure in found.failures:
        tell(f"{failure.name}: {failure.subject} failed: {failure.why}")
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
