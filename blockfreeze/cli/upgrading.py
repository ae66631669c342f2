"""The command `upgrade`: a release of a dependency is fetched, and brought into every process that has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import click
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from blockfreeze.cli.operating import service_for
from blockfreeze.cli.showing import show_outcome
from blockfreeze.cli.typed import DIRECTORY, SECONDS, Share
from blockfreeze.control.place import default_directory
from blockfreeze.coordination.processes import SocketProcesses, told_by
from blockfreeze.coordination.service import Plan
from blockfreeze.core.errors import ControlError
from blockfreeze.demo.releases import fetch_release


@click.command(
    short_help="bring a release of a dependency into every process that has it as a block",
    epilog="Exit status: as of swap.",
)
@click.argument("requirement", metavar="NAME==VERSION")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="The directory for the release.  [default: where the processes allow releases]",
)
@click.option("--strict", is_flag=True, help="Refuse what removes a definition or narrows a signature.")
@click.option("--canary", type=Share(), help="Commit in so many processes first, and watch them.")
@click.option("--probation", type=SECONDS, default=10.0, show_default=True, help="Seconds for which they are watched.")
@click.option("--timeout", type=SECONDS, default=60.0, show_default=True, help="Seconds for each step.")
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
def upgrade(
    requirement: str,
    into: Path | None,
    canary: object,
    probation: float,
    timeout: float,
    directory: Path | None,
    *,
    strict: bool,
    as_json: bool,
) -> int:
    """Fetch a release of a package with pip, refuse it where it does not fit what is installed, and bring it into every
    process that has its modules as a block. What is installed on disk stays: it is said what to install.
    """
    name, version = _pinned(requirement)
    problems = [*_unfit_for_others(name, version)]
    if problems:
        raise ControlError(f"{requirement}: not upgraded: {'; '.join(problems)}; choose another version")
    place = directory or default_directory()
    told = _blocks_at(place)
    where = into or next((Path(root) for one in told.values() for root in one["roots"]), None)
    if where is None:
        raise ControlError(
            f"{requirement}: no process says where releases may be; start the program with --releases DIR, say --into"
        )
    release = fetch_release(name, version, where)
    if any(release.rglob("*.so")) or any(release.rglob("*.pyd")):
        raise ControlError(f"{requirement}: it has extension modules, which cannot be replaced; restart with it")
    unmet = [*_unmet_by_installed(release)]
    if unmet:
        raise ControlError(f"{requirement}: not upgraded: it needs {', '.join(unmet)}, which is not installed")
    blocks = [block for block in told if (release / block).is_dir() or (release / f"{block}.py").is_file()]
    if not blocks:
        raise ControlError(f"{requirement}: no process has a module of it as a block; start with `run --block`")
    statuses = []
    for block in blocks:
        prepare = {"release": str(release.resolve()), "label": f"{name} {version}", "strict": strict}
        plan = Plan(block, prepare, None, timeout, canary or (lambda count: 0), probation)  # type: ignore[arg-type]
        service = service_for(plan, directory, as_json=as_json)
        with service.shown:
            service.join()
            outcome = service.swap()
        statuses.append(show_outcome(outcome, as_json=as_json))
    if not as_json and not any(statuses):
        found = _installed(name) or "no version"
        print(f"installed on disk is {found}; for restarts install, and lock: {name}=={version}")
    return max(statuses)


def _pinned(text: str) -> tuple[str, str]:
    with suppress(InvalidRequirement):
        found = Requirement(text)
        versions = [one.version for one in found.specifier if one.operator == "=="]
        if len(versions) == 1 and len(found.specifier) == 1 and "*" not in versions[0]:
            return found.name, versions[0]
    raise ControlError(f"{text}: it does not name one version; write NAME==VERSION")


def _unfit_for_others(name: str, version: str) -> Iterator[str]:
    """Yield which installed distributions ask for another version of a package."""
    for one in metadata.distributions():
        for requirement in _requirements(one):
            if canonicalize_name(requirement.name) == canonicalize_name(name) and not requirement.specifier.contains(
                version, prereleases=True
            ):
                yield f"{one.name} {one.version} asks for {requirement}"


def _unmet_by_installed(release: Path) -> Iterator[str]:
    """Yield what a release asks for and is not installed."""
    for place in release.glob("*.dist-info"):
        for requirement in _requirements(metadata.PathDistribution(place)):
            installed = _installed(requirement.name)
            if installed is None or not requirement.specifier.contains(installed, prereleases=True):
                yield str(requirement)


def _requirements(one: metadata.Distribution) -> Iterator[Requirement]:
    """Yield what a distribution asks for here, without what its extras do."""
    for text in one.requires or ():
        with suppress(InvalidRequirement):
            found = Requirement(text)
            if found.marker is None or found.marker.evaluate({"extra": ""}):
                yield found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _blocks_at(place: Path) -> dict[str, dict[str, list[str]]]:
    """Return the blocks of the processes, each with the directories in which its releases may be."""
    links = SocketProcesses(place).find()
    found: dict[str, dict[str, list[str]]] = {}
    for reply in told_by(links).values():
        for one in reply.get("blocks", ()):
            found.setdefault(one["block"], {"roots": one.get("roots", [])})
    for link in links:
        link.close()
    return found
