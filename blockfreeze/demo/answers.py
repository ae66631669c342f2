"""What each version of a workload's package answers when nothing is replaced: every response is compared with it.

A fresh interpreter imports each version, unfrozen: `python -m blockfreeze.demo.answers` reads the workload and the
directory as JSON from standard input, and writes the list of answers as JSON to standard output.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

from blockfreeze.core.errors import ControlError
from blockfreeze.demo.workload import Workload

_TIMEOUT = 60.0


def of_both_versions(workload: Workload, old: Path, new: Path) -> tuple[tuple[str, str], ...]:
    """Return what the version in `old` and the version in `new` answer to each call of the workload.

    Raises:
        ControlError: a version cannot answer, or both answer a call alike, so that no response could tell them apart.
    """
    pairs = tuple(zip(_of_version(workload, old), _of_version(workload, new), strict=True))
    for call, (before, after) in zip(workload.calls, pairs, strict=True):
        if before == after:
            raise ControlError(
                f"{workload.package}: both versions answer alike, {call.function!r}: {dict(call.arguments)!r} cannot "
                f"tell {workload.old} from {workload.new}; use a call whose answers differ",
                call=call,
            )
    return pairs


def _of_version(workload: Workload, directory: Path) -> list[str]:
    question = json.dumps({"workload": workload.to_json(), "directory": str(directory)})
    command = [sys.executable, "-m", __name__]
    try:
        answered = subprocess.run(command, input=question, capture_output=True, text=True, timeout=_TIMEOUT, check=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or f"status {error.returncode}").splitlines()[-1]
    except subprocess.TimeoutExpired:
        reason = f"no answer in {_TIMEOUT:.0f} s"
    else:
        answers: list[str] = json.loads(answered.stdout)
        return answers
    raise ControlError(
        f"{workload.package}: cannot answer, {str(directory)!r}: {reason}; remove the directory to fetch it again",
        directory=str(directory),
    )


def _main() -> None:
    question = json.load(sys.stdin)
    workload = Workload.from_json(question["workload"])
    sys.path.insert(0, question["directory"])
    module = importlib.import_module(workload.package)
    print(json.dumps([str(getattr(module, call.function)(**call.arguments)) for call in workload.calls]))


if __name__ == "__main__":
    _main()
