"""The files of a module or package that `watch` looks at, and what they say."""

from __future__ import annotations

import ast
import hashlib
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

from blockfreeze.core.errors import ControlError


def source_of(package: str) -> Path:
    """Return the directory from which a module or package would be imported here.

    Raises:
        ControlError: there is none.
    """
    top = package.partition(".")[0]
    spec = PathFinder.find_spec(top, [str(Path.cwd()), *sys.path])
    found = None if spec is None else next(iter(spec.submodule_search_locations or ()), spec.origin)
    if found is None:
        raise ControlError(f"{package}: there is no such module here; name its directory by --source")
    return Path(found).absolute().parent


def directory_of(package: str, source: Path) -> Path:
    """Return the directory that has the files of a module or package."""
    place = source.joinpath(*package.split("."))
    return place if place.is_dir() else place.parent


def files_of(package: str, source: Path) -> Callable[[str], bool]:
    """Return what tells the files of a module or package."""
    place = source.joinpath(*package.split("."))
    if place.is_dir():
        return lambda file: file.endswith(".py")
    return lambda file: Path(file) == place.with_suffix(".py")


def syntax_errors(files: Iterable[str]) -> Iterator[str]:
    """Yield the lines that show what cannot be parsed, as Python shows it."""
    for file in files:
        try:
            ast.parse(Path(file).read_bytes(), file)
        except SyntaxError as error:
            yield from "".join(traceback.format_exception_only(error)).splitlines()
        except (OSError, ValueError):
            continue


def digest_of(package: str, source: Path) -> str:
    """Return a hash of the files of a module or package as they are now."""
    whole, inside = hashlib.sha256(), files_of(package, source)
    for file in sorted(directory_of(package, source).rglob("*.py")):
        if inside(str(file)):
            with suppress(OSError):  # it is gone meanwhile, and its directory has told of that
                content = file.read_bytes()
                whole.update(f"{file}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()
