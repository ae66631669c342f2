"""``python -m benchmarks``: ask all questions or those named, and show a table or write JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich import box
from rich.console import Console

from benchmarks.catalog import QUESTIONS
from benchmarks.document import from_json
from benchmarks.running import ROOT, answers
from benchmarks.tables import caption, readme_with, tables


def _parser() -> argparse.ArgumentParser:
    questions = "\n".join(f"  {name}: {question.text}" for name, question in QUESTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what blockfreeze costs.",
        epilog=f"questions:\n{questions}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="ask these questions only")
    parser.add_argument("--quick", action="store_true", help="little effort: a look, not a measurement")
    parser.add_argument("--json", metavar="FILE", help="write the result to FILE (- for standard output), no table")
    parser.add_argument(
        "--page",
        nargs="+",
        type=Path,
        metavar="RESULT",
        help="measure nothing; rewrite the manual's tables from these JSON files, one column each",
    )
    return parser


def main() -> int:
    """Run the command line and return the exit code: 1 if a subject failed to answer."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.page:
        page = ROOT / "docs" / "pages" / "costs.md"
        documents = [from_json(path.read_text(encoding="utf-8")) for path in arguments.page]
        page.write_text(readme_with(page.read_text(encoding="utf-8"), documents), encoding="utf-8")
        return 0
    unknown = [name for name in arguments.names if name not in QUESTIONS]
    if unknown:
        parser.error(f"no such question: {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}")
    chosen = [QUESTIONS[name] for name in arguments.names or QUESTIONS]
    found = answers(chosen, arguments.quick, lambda line: print(line, file=sys.stderr))
    if arguments.json is None:
        console = Console()
        for question, drawn in tables([found], box.SIMPLE_HEAD):
            console.print(question, drawn, markup=False)
        console.print(caption([found]), markup=False)
    elif arguments.json == "-":
        print(found.to_json())
    else:
        Path(arguments.json).write_text(found.to_json() + "\n", encoding="utf-8")
    for failure in found.failures:
        print(f"{failure.name}: {failure.subject} failed: {failure.why}", file=sys.stderr)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
