"""One question, put to one subject, in this process: ``python -m benchmarks.worker NAME SUBJECT [--quick]``.

Standard output carries one JSON list of `Measured` and nothing else; whatever the subject prints goes to standard
error.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.catalog import QUESTIONS
from benchmarks.effort import FULL, QUICK


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__)
    parser.add_argument("name", choices=QUESTIONS)
    parser.add_argument("subject")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    # A .pyc is keyed by second and size of the source, so quick updates would be served the code before.
    sys.dont_write_bytecode = True
    with TemporaryDirectory(prefix="blockfreeze-benchmark-") as place, redirect_stdout(sys.stderr):
        sys.path.insert(0, place)
        effort = QUICK if arguments.quick else FULL
        found = [asdict(one) for one in QUESTIONS[arguments.name].measure(effort, Path(place), arguments.subject)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
