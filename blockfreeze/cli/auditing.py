"""The command `audit`: which loaded packages have a known vulnerability, and which fix can be applied hot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from rich.console import Console
from rich.table import Table

from blockfreeze.cli.advisories import Advisory, fix_for, read_advisories
from blockfreeze.cli.fetching import fetch
from blockfreeze.cli.fitting import Environment, Package, problems_of_release, problems_of_version
from blockfreeze.cli.pip_audit import ask_pip_audit
from blockfreeze.cli.typed import DIRECTORY
from blockfreeze.cli.upgrading import environments_at
from blockfreeze.control.frames import Message
from blockfreeze.control.place import default_directory
from blockfreeze.core.advice import WARNING
from blockfreeze.core.errors import ControlError

_PATIENCE = 300.0
"""How long a forecast may take, in seconds."""


@dataclass(frozen=True)
class Finding:
    """A package that runs in some processes in a version with known vulnerabilities.

    Args:
        runs, installed: the version in the processes, and the one on disk.
        fix: the lowest version without any of them; empty if none is known.
        obstacles: why the fix cannot be applied hot; nothing if it can.
        forecast: what the swap would change, if that was asked for.
        command: what applies it.
    """

    package: str
    runs: str
    installed: str
    processes: tuple[int, ...]
    vulnerabilities: tuple[str, ...]
    fix: str = ""
    obstacles: tuple[str, ...] = ()
    forecast: str = ""

    @property
    def command(self) -> str:
        """The command that applies the fix; empty if it cannot be applied hot."""
        return f"blockfreeze upgrade {self.package}=={self.fix}" if self.fix and not self.obstacles else ""

    def __str__(self) -> str:
        hot = f"hot: {self.command}" if self.command else f"not hot: {'; '.join(self.obstacles)}"
        lines = [f"{self.package} {self.runs}: {', '.join(self.vulnerabilities)}; fixed in {self.fix or 'no version'}"]
        lines += [f"  in {', '.join(map(str, self.processes))}; installed is {self.installed}", f"  {hot}"]
        return "\n".join([*lines, *(f"  {line}" for line in self.forecast.splitlines())])


@click.command(
    short_help="say which loaded packages have known vulnerabilities, and which fix can be applied hot",
    epilog="Exit status: 0 if none is known, 1 if some are, 2 if the command could not run, 3 if processes differ: "
    "some run a version with one, and some a version of the same package without.",
)
@click.option(
    "--osv",
    "places",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Advisories in OSV's format: a directory, a JSON file or a zip file; may be repeated.",
)
@click.option("--pip-audit", "asks", is_flag=True, help="Ask pip-audit too, which asks its service.")
@click.option(
    "--forecast",
    "into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Fetch each fix into this directory, and say what the swap would change, found out in a process of its own.",
)
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
def audit(places: tuple[Path, ...], into: Path | None, directory: Path | None, *, asks: bool, as_json: bool) -> int:
    """Say which loaded packages of the running processes have a known vulnerability, and which fix can be applied hot:
    to a package that is a block, has no extension modules, and fits what the others ask for.
    """
    if not places and not asks:
        raise ControlError("no advisories were named; say --osv with data from https://osv.dev, or --pip-audit")
    environments, told = environments_at(directory or default_directory())
    loaded = {name for one in environments for name, package in one.packages.items() if package.loaded}
    advisories = read_advisories(places, loaded)
    skipped: dict[str, str] = {}
    if asks:
        versions = {(name, one.packages[name].runs) for one in environments for name in loaded if name in one.packages}
        asked, skipped = ask_pip_audit(versions)
        for name, more in asked.items():
            advisories.setdefault(name, []).extend(more)
    findings = [one for name in sorted(advisories) for one in _findings(name, advisories[name], environments)]
    if into is not None:
        findings = [_forecast(one, into, environments, told) for one in findings]
    status = _exit_status(findings, environments)
    _show(findings, environments, skipped, status, as_json=as_json)
    return status


def _findings(name: str, advisories: list[Advisory], environments: list[Environment]) -> list[Finding]:
    """Return what is wrong with a package, for each version of it that runs somewhere."""
    running: dict[tuple[str, str], list[Environment]] = {}
    for one in environments:
        package = one.packages.get(name)
        if package is not None and package.loaded:
            running.setdefault((package.runs, package.version), []).append(one)
    found = []
    for (runs, installed), where in sorted(running.items()):
        with suppress(InvalidVersion):
            version = Version(runs)
            known = [one for one in advisories if one.affects(version)]
            if known:
                fix = fix_for(version, advisories)
                package = where[0].packages[name]
                found.append(
                    Finding(
                        package.name,
                        runs,
                        installed,
                        tuple(sorted(one.pid for one in where)),
                        tuple(dict.fromkeys(one.name for one in known)),
                        "" if fix is None else str(fix),
                        tuple(_obstacles(package, fix, where)),
                    )
                )
    return found


def _obstacles(package: Package, fix: Version | None, where: list[Environment]) -> Iterable[str]:
    if fix is None:
        yield "no version without it is known"
        return
    if package.extensions:
        yield f"it has extension modules ({', '.join(package.extensions[:2])}), which cannot be replaced"
    if not all(one.packages[canonicalize_name(package.name)].blocks for one in where):
        names = " ".join(f"--block {one}" for one in package.loaded)
        yield f"it is no block; start the program with `blockfreeze run {names} --releases DIR`, or restart with {fix}"
    yield from problems_of_version(where, package.name, str(fix))


def _forecast(one: Finding, into: Path, environments: list[Environment], told: dict[str, Message]) -> Finding:
    """Return a finding with what the files of its fix tell."""
    if not one.command:
        return one
    try:
        release = fetch(one.package, one.fix, into, ()).place
    except ControlError as error:
        return replace(one, forecast=str(error))
    obstacles = problems_of_release([where for where in environments if where.pid in one.processes], release)
    modules = next(
        (found.loaded for where in environments if (found := where.packages.get(canonicalize_name(one.package)))), ()
    )
    said = [_checked(module, told[module].get("release", ""), release) for module in modules if module in told]
    return replace(one, obstacles=(*one.obstacles, *obstacles), forecast="\n".join(filter(None, said)))


def _checked(module: str, serving: str, release: Path) -> str:
    """Return what `check` says of a swap to a release, executed in a process of its own.

    Args:
        serving: the release that serves; what is installed if it is empty.
    """
    path = os.pathsep.join([*filter(None, [serving]), *sys.path])
    command = [sys.executable, "-m", "blockfreeze", "check", module, "--against", str(release), "--json"]
    with tempfile.TemporaryDirectory() as work:
        try:
            ran = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                cwd=work,
                timeout=_PATIENCE,
                env={**os.environ, "PYTHONPATH": path},
            )
            found = json.loads(ran.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return f"{module}: no forecast: {type(error).__name__}: {error}"
    if found["refused"] or found["against_refused"]:
        return f"{module}: refused: {found['refused'] or found['against_refused']}"
    against = found["against"]
    counts = ", ".join(f"{len(against[kind])} {kind}" for kind in ("added", "removed", "changed"))
    incompatible = (f"incompatible: {each}" for each in against["incompatible"])
    warnings = (one for one in found["advice"] if one["level"] == WARNING)
    meanings = (f"another meaning: {one['name']}: {one['what']}" for one in warnings)
    return "\n".join([f"{module}: {counts}", *incompatible, *meanings])


def _exit_status(findings: list[Finding], environments: list[Environment]) -> int:
    wrong = {(canonicalize_name(one.package), pid) for one in findings for pid in one.processes}
    names = {name for name, _ in wrong}
    have = {(name, one.pid) for one in environments for name in names if (has := one.packages.get(name)) and has.loaded}
    return 0 if not wrong else 3 if have - wrong else 1


def _show(
    findings: list[Finding], environments: list[Environment], skipped: dict[str, str], status: int, *, as_json: bool
) -> None:
    if as_json:
        told = {
            "findings": [{**asdict(one), "hot": bool(one.command), "command": one.command} for one in findings],
            "processes": sorted(one.pid for one in environments),
            "not_audited": skipped,
            "exit_status": status,
        }
        print(json.dumps(told, indent=2))
        return
    console = Console()
    if console.is_terminal and findings:
        table = Table("package", "runs", "installed", "vulnerability", "fixed in", "hot")
        for one in findings:
            colour = "[green]yes[/]" if one.command else "[red]no[/]"
            table.add_row(one.package, one.runs, one.installed, ", ".join(one.vulnerabilities), one.fix, colour)
        console.print(table)
    for finding in findings:
        print(finding)
    for name, reason in sorted(skipped.items()):
        print(f"{name}: pip-audit has found nothing out about it: {reason}")
    loaded = len({name for one in environments for name, package in one.packages.items() if package.loaded})
    hot = sum(bool(one.command) for one in findings)
    print(
        f"{loaded} loaded packages in {len(environments)} processes: "
        f"{len(findings)} with known vulnerabilities, {hot} of which can be mended hot"
    )
