"""The commands for a process that nobody has prepared: `attach` brings the control socket in, `detach` takes it out.

CPython 3.14 lets a process run a script in another one at the next safe point of its main thread, if the user may debug
it (PEP 768). Both must be of the same minor version.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from blockfreeze.cli.typed import DIRECTORY, Between
from blockfreeze.control.place import default_directory, own_directory, process_of, sockets_in
from blockfreeze.coordination.processes import SocketProcesses, ask_all
from blockfreeze.core.errors import ControlError

_SCRIPT = """
import sys
sys.path.append({path!r})
try:
    import blockfreeze
    blockfreeze.serve_control({directory!r}, releases={releases!r})
    for name in {blocks!r}:
        blockfreeze.freeze_block(name)
    result = "attached"
except BaseException as error:
    result = f"{{type(error).__name__}}: {{error}}"
finally:
    sys.path.remove({path!r})
with open({answer!r}, "w", encoding="utf-8") as file:
    file.write(result)
"""


_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")


@click.command(
    short_help="bring the control socket into a process that nobody has prepared (CPython 3.14)",
    epilog="Exit status: 0 if it is there, 2 if not.",
)
@click.argument("pid", type=click.IntRange(1))
@click.option("--block", "blocks", multiple=True, metavar="MODULE", help="Freeze this module there; may be repeated.")
@click.option(
    "--releases", multiple=True, type=click.Path(path_type=Path), help="A directory in which releases may be."
)
@click.option("--timeout", type=Between(float, 0, 600), default=10.0, show_default=True, help="Seconds to wait.")
@DIRECTORY
@_JSON
def attach(
    pid: int,
    blocks: tuple[str, ...],
    releases: tuple[Path, ...],
    timeout: float,
    directory: Path | None,
    *,
    as_json: bool,
) -> int:
    """Bring the control socket into the process PID, and freeze modules there, which are imported already. Then it is
    asked as all others are; `detach` takes the socket out again, and leaves the blocks.
    """
    execute: Any = getattr(sys, "remote_exec", None)
    if execute is None:
        raise ControlError(
            f"{pid}: CPython 3.14 is needed here and there, and this is {sys.version.split()[0]}; start the program "
            "with `blockfreeze run`, or call blockfreeze.serve_control() in it"
        )
    place = own_directory(default_directory() if directory is None else Path(os.path.abspath(directory)))
    if any(process_of(one) == pid for one in sockets_in(place)):
        raise ControlError(f"{pid}: it has a control socket already; see `blockfreeze status`")
    with tempfile.TemporaryDirectory(prefix="blockfreeze-") as work:
        script, answer = Path(work) / "script.py", Path(work) / "answer"
        text = _SCRIPT.format(
            path=str(Path(__file__).parents[2]),
            directory=str(place),
            releases=[os.path.abspath(one) for one in releases],
            blocks=list(blocks),
            answer=str(answer),
        )
        script.write_text(text, encoding="utf-8")
        try:
            execute(pid, str(script))
        except (OSError, RuntimeError, ValueError) as error:
            raise ControlError(
                f"{pid}: nothing can be executed there: {type(error).__name__}: {error}; it must be CPython "
                f"{sys.version_info[0]}.{sys.version_info[1]} with remote debugging, which you are allowed to use"
            ) from error
        found = _answer(answer, timeout)
    if found != "attached":
        raise ControlError(f"{pid}: {found or f'it has not come to a safe point in {timeout:g} s'}; try again")
    if as_json:
        print(json.dumps({"pid": pid, "attached": True, "blocks": blocks}))
    else:
        print(f"{pid}: attached{f', with {chr(44).join(blocks)}' if blocks else ''}")
    return 0


def _answer(file: Path, timeout: float) -> str:
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if file.exists() and (text := file.read_text(encoding="utf-8")):
            return text
        time.sleep(0.02)
    return ""


@click.command(short_help="close the control socket of a process", epilog="Exit status: 0 if it is closed, 2 if not.")
@click.argument("pid", type=click.IntRange(1))
@DIRECTORY
@_JSON
def detach(pid: int, directory: Path | None, *, as_json: bool) -> int:
    """Close the control socket of the process PID; its thread ends. The blocks stay."""
    place = default_directory() if directory is None else Path(os.path.abspath(directory))
    links = [link for link in SocketProcesses(place).find() if link.pid == pid]
    if not links:
        raise ControlError(f"{pid}: it has no control socket; see `blockfreeze status`")
    (reply,) = ask_all(links, {"do": "detach"}, 10.0).values()
    if not reply.get("ok"):
        raise ControlError(f"{pid}: it was not closed: {reply.get('message')}; try again")
    print(json.dumps({"pid": pid, "attached": False}) if as_json else f"{pid}: detached")
    return 0
