"""Whether a release of a package fits into a running process: what others ask of it there, and what it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from blockfreeze.control.frames import Message
from blockfreeze.core.errors import ControlError


@dataclass(frozen=True)
class Package:
    """A distribution in a process.

    Args:
        version: the one that is installed.
        runs: the one that runs, which a hot upgrade has brought; else the one that is installed.
        loaded: its top-level modules that are loaded.
        blocks: those of them that are blocks.
        extensions: its files that are extension modules.
    """

    name: str
    version: str
    runs: str
    loaded: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Environment:
    """The packages of one process, by their canonical names, and its CPython."""

    pid: int
    python: str
    packages: dict[str, Package] = field(default_factory=dict)

    @classmethod
    def told(cls, packages: Message, status: Message) -> Environment:
        """Return what a process has said of itself."""
        blocks = {one["block"]: one.get("package") or {} for one in status.get("blocks", ())}
        hot = {canonicalize_name(one["name"]): one["version"] for one in blocks.values() if one}
        found: dict[str, Package] = {}
        for one in packages["packages"]:
            name = canonicalize_name(one["name"])
            loaded = tuple(one["loaded"])
            found[name] = Package(
                one["name"],
                one["version"],
                hot.get(name, one["version"]),
                loaded,
                tuple(block for block in blocks if block.partition(".")[0] in loaded),
                tuple(one["extensions"]),
                tuple(one["requires"]),
            )
        return cls(packages["process"]["pid"], packages["process"]["python"], found)

    def others_ask(self, name: str, version: str) -> Iterator[str]:
        """Yield which installed packages ask for another version of a package."""
        for one in self.packages.values():
            for asked in self._requirements(one.requires):
                is_other = canonicalize_name(asked.name) != canonicalize_name(name)
                if not is_other and not asked.specifier.contains(version, prereleases=True):
                    yield f"{one.name} {one.runs} asks for {asked}"

    def lacks(self, requires: Iterable[str]) -> Iterator[str]:
        """Yield which requirements nothing that runs here meets."""
        for requirement in self._requirements(requires):
            there = self.packages.get(canonicalize_name(requirement.name))
            if there is None or not requirement.specifier.contains(there.runs, prereleases=True):
                yield str(requirement)

    def _requirements(self, texts: Iterable[str]) -> Iterator[Requirement]:
        """Yield what is asked for here, without what extras ask for."""
        minor = ".".join(self.python.split(".")[:2])
        here = {"extra": "", "python_version": minor, "python_full_version": self.python}
        for text in texts:
            with suppress(InvalidRequirement):
                found = Requirement(text)
                if found.marker is None or found.marker.evaluate(here):
                    yield found


def pinned(text: str) -> tuple[str, str]:
    """Return the name and the version of ``NAME==VERSION``.

    Raises:
        ControlError: it does not name one version.
    """
    with suppress(InvalidRequirement, InvalidVersion):
        found = Requirement(text)
        versions = [one.version for one in found.specifier if one.operator == "=="]
        if len(versions) == 1 and len(found.specifier) == 1 and "*" not in versions[0]:
            return found.name, str(Version(versions[0]))
    raise ControlError(f"{text}: it does not name one version; write NAME==VERSION")


def problems_of_version(environments: Iterable[Environment], name: str, version: str) -> list[str]:
    """Return why a version of a package would not fit, as far as that is known without its files; each once."""
    return list(dict.fromkeys(one for where in environments for one in where.others_ask(name, version)))


def problems_of_release(environments: Iterable[Environment], release: Path) -> list[str]:
    """Return why the files of a release do not fit; each once."""
    extensions = sorted(one.name for kind in ("*.so", "*.pyd") for one in release.rglob(kind))
    found = [f"it has extension modules ({', '.join(extensions[:3])}), which cannot be replaced"] if extensions else []
    requires: list[Any] = [
        text for place in release.glob("*.dist-info") for text in metadata.PathDistribution(place).requires or ()
    ]
    lacking = dict.fromkeys(one for where in environments for one in where.lacks(requires))
    return [*found, *(f"it needs {one}, which is not installed" for one in lacking)]
