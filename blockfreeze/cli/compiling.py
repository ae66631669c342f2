"""The commands for artifacts: `compile` and `verify`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from blockfreeze.api.compiling import compiled, differing
from blockfreeze.core.errors import ControlError
from blockfreeze.releases.artifact import Artifact, this_python, written
from blockfreeze.releases.keys import Trust, configured, signer
from blockfreeze.releases.refusal import ReleaseRefusedError


@click.command(
    "compile",
    short_help="link a release into one file, which is loaded without linking",
    epilog="Exit status: 0 if it was written, 2 if it could not be.",
)
@click.argument("blocks", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The directory that has the modules.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--label", default="", help="What status, events and logs call the release.")
@click.option("--serial", type=click.IntRange(0), default=0, help="A number that grows from release to release.")
@click.option("--python", "pythons", multiple=True, metavar="EXECUTABLE", help="Link for this CPython too.")
@click.option(
    "--against", type=click.Path(path_type=Path, exists=True), help="Note in the manifest what differs from a release."
)
@click.option(
    "--sign", "key", type=click.Path(path_type=Path, exists=True), help="Sign with this private Ed25519 key (PEM)."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON, and nothing else.")
def compile_(
    blocks: tuple[str, ...],
    source: Path,
    output: Path,
    label: str,
    serial: int,
    pythons: tuple[str, ...],
    against: Path | None,
    key: Path | None,
    *,
    as_json: bool,
) -> int:
    """Link the block of MODULE (several make one block) into one file: its sources, its linked code for this CPython
    and others, and a manifest of hashes. Nothing of it is executed. The same release gives the same bytes.
    """
    try:
        members, linked = compiled(blocks, source)
        for executable in pythons:
            more_members, more_linked = _compiled_by(executable, blocks, source)
            members, linked = members | more_members, linked | more_linked
        changes = None if against is None else differing(blocks, against, members)
        sign = None if key is None else signer(key)
        content = written(blocks, members, linked, label=label, serial=serial, changes=changes, sign=sign)
        fresh = output.with_name(f".{output.name}.{os.urandom(4).hex()}")
        fresh.write_bytes(content)
        fresh.replace(output)
    except (OSError, SyntaxError, ValueError, ImportError) as error:
        raise ControlError(f"{'+'.join(blocks)}: not compiled: {type(error).__name__}: {error}; mend that") from error
    if as_json:
        told = {"file": str(output), "members": sorted(members), "pythons": sorted(linked), "changes": changes}
        print(json.dumps(told, indent=2))
    else:
        print(f"{output}: {len(members)} members, linked for {', '.join(sorted(linked))}")
    return 0


def _compiled_by(
    executable: str, blocks: tuple[str, ...], source: Path
) -> tuple[dict[str, bytes], dict[str, dict[str, dict[str, str]]]]:
    """Return what another CPython, which has blockfreeze too, makes of the same release."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "other"
        command = [executable, "-m", "blockfreeze", "compile", *blocks, "--source", str(source), "-o", str(file)]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory)
        if ran.returncode:
            raise ControlError(f"{executable}: it could not compile the release: {ran.stderr.strip()[-300:]}")
        found = Artifact(file, Trust())
        return {name: found.content(name) for name in found.files}, found.linked


@click.command(
    short_help="say what an artifact is, and whether it is believed here",
    epilog="Exit status: 0 if it is whole, believed, and for this CPython; 1 if not.",
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON, and nothing else.")
def verify(file: Path, *, as_json: bool) -> int:
    """Verify an artifact as a process would that loads it: every hash, the signature if there are keys
    (BLOCKFREEZE_KEYS), the serial number (BLOCKFREEZE_OLDEST), and the CPython.
    """
    try:
        found = Artifact(file, configured())
        found.check_python()
    except ReleaseRefusedError as error:
        print(error, file=sys.stderr)
        if as_json:
            print(json.dumps({"error": str(error), "status": 1}))
        return 1
    told = {
        "block": found.block,
        "label": found.label,
        "serial": found.serial,
        "pythons": sorted(found.linked),
        "changes": found.changes,
        "files": found.files,
    }
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        print(f"{file}: {'+'.join(found.block)} {found.label}, serial {found.serial}, {len(found.files)} members")
        print(f"linked for {', '.join(told['pythons'])}; this is {this_python()}")
        for kind, names in (found.changes or {}).items():
            print(f"{kind}: {', '.join(names) or 'nothing'}")
    return 0
