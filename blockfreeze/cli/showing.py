"""What the commands print: a table and colours on a terminal, plain lines elsewhere, or JSON; and exit statuses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table

from blockfreeze.control.frames import Message
from blockfreeze.coordination.outcome import Fate, ServiceOutcome
from blockfreeze.coordination.process_link import Link
from blockfreeze.core.errors import ControlError
from blockfreeze.pictures.page import page

_COLOURS: Mapping[Fate, str] = {
    Fate.COMMITTED: "green",
    Fate.FOLLOWED: "green",
    Fate.REFUSED: "red",
    Fate.STRAYED: "bold red",
    Fate.SILENT: "yellow",
    Fate.DIED: "yellow",
}


class Progress:
    """What is being done, on standard error while it lasts, if that is a terminal."""

    def __init__(self, *, silent: bool) -> None:
        console = Console(stderr=True)
        self._shown: Status | None = None if silent or not console.is_terminal else console.status("look for processes")

    def say(self, text: str) -> None:
        """Show what is being done now."""
        if self._shown is not None:
            self._shown.update(text)

    def __enter__(self) -> Progress:
        if self._shown is not None:
            self._shown.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()


def show_outcome(outcome: ServiceOutcome, *, as_json: bool) -> int:
    """Show what became of a swap or rollback, and return the exit status."""
    if as_json:
        print(json.dumps(outcome.to_json(), indent=2))
        return outcome.exit_status
    to = outcome.label or Path(outcome.release).name or "the generation before"
    said = {
        0: f"{outcome.block}: every process serves {to}",
        1: f"{outcome.block}: the {outcome.what} was refused, and nothing has changed: {outcome.message}",
        3: f"{outcome.block}: not every process serves the same{f': {outcome.message}' if outcome.message else ''}",
    }[outcome.exit_status]
    console = Console()
    if console.is_terminal:
        table = Table("process", "", "serves", "")
        for one in outcome.processes:
            table.add_row(
                str(one.pid),
                f"[{_COLOURS.get(one.fate, 'default')}]{one.fate}[/]",
                one.label or one.release,
                one.message,
            )
        console.print(table)
        console.print(said, markup=False, highlight=False)
    else:
        print(said, *outcome.processes, sep="\n")
    if outcome.moved:
        print(f"{outcome.pointer} -> {outcome.release}")
    for one in outcome.processes:
        for line in one.stack[-12:]:
            print(f"  {one.pid} at {line}")
    return outcome.exit_status


def show_prepared(replies: Mapping[Link, Message], *, as_json: bool) -> int:
    """Show what each process has answered to a question that changes nothing, and return the exit status."""
    good = [reply.get("ok") is True for reply in replies.values()]
    if as_json:
        print(json.dumps([{"pid": link.pid, **reply} for link, reply in replies.items()], indent=2))
    else:
        for link, reply in sorted(replies.items(), key=lambda one: one[0].pid):
            print(f"{link.pid}: {'it is well' if reply.get('ok') else reply.get('message')}")
            if reply.get("differences") is not None:
                show_differences(reply["differences"])
            for line in (reply.get("stack") or [])[-12:]:
                print(f"  at {line}")
    return 0 if all(good) else 1 if not any(good) else 3


def show_differences(found: Mapping[str, Sequence[str]]) -> None:
    """Show how a candidate differs from what serves."""
    for line in differences(found):
        print(f"  {line}")


def differences(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield lines that say how a candidate differs from what serves: by number, and what is worth a look in full."""
    counts = [f"{len(found[kind])} {kind}" for kind in ("added", "removed", "changed") if found.get(kind)]
    yield ", ".join(counts) or "nothing changed"
    for kind in ("incompatible", "afresh", "replaced_classes", "done_again"):
        for one in found.get(kind, ()):
            yield f"{kind.replace('_', ' ')}: {one}"


def show_status(replies: Mapping[Link, Message], block: str | None, *, as_json: bool, html: Path | None = None) -> int:
    """Show what each process serves, in the file `html` if there is one, and return the exit status.

    Raises:
        ControlError: the file cannot be written.
    """
    silent = sorted(link.pid for link, reply in replies.items() if not reply.get("ok"))
    told = sorted((reply for reply in replies.values() if reply.get("ok")), key=lambda one: one["process"]["pid"])
    told = [one for one in told if one["blocks"]]
    served: dict[tuple[str, str], set[str]] = {}
    for one in told:
        for found in one["blocks"]:
            served.setdefault((found["block"], found["pointer"]), set()).add(found["release"] or found["label"])
    mixed = any(len(releases) > 1 for (_, pointer), releases in served.items() if pointer)
    document = {"processes": told, "silent": silent, "mixed": mixed}
    if html is not None:
        write_file(html, page([document], time.time()))
    if as_json:
        print(json.dumps(document, indent=2))
    elif html is None:
        _print_status(told)
        for pid in silent:
            print(f"{pid}: it does not answer")
        if not told and not silent:
            print(f"no process with a control socket has {'a block' if block is None else block}", file=sys.stderr)
    return 3 if mixed else 0 if told else 1


def write_file(file: Path, text: str) -> None:
    """Write a text to a file that a command was told.

    Raises:
        ControlError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ControlError(f"{file}: it cannot be written: {error}; name another file") from error


def _print_status(told: list[dict[str, Any]]) -> None:
    rows = [
        (
            str(one["process"]["pid"]),
            " ".join(Path(word).name if at == 0 else word for at, word in enumerate(one["process"]["program"]))[:40],
            found["block"],
            str(found.get("generation", "")),
            found["label"] or found["release"],
            found["state"],
            found["pointer"],
        )
        for one in told
        for found in one["blocks"]
    ]
    console = Console()
    if console.is_terminal:
        table = Table("process", "program", "block", "generation", "release", "state", "pointer")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        for row in rows:
            print("  ".join(row))
    for one in told:
        for found in one["blocks"]:
            package = found.get("package") or {}
            if package.get("version") != package.get("installed"):
                print(
                    f"{one['process']['pid']}: {package['name']} {package['version']} runs hot, "
                    f"installed is {package['installed'] or 'none'}"
                )
            for lingering in found.get("lingering", ()):
                print(f"{one['process']['pid']}: lingering: {lingering['text']}")
        for thread, lines in one.get("stacks", {}).items():
            print(f"{one['process']['pid']}: thread {thread}", *(f"  {line}" for line in lines), sep="\n")
