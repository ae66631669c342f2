"""Where a version of a block comes from: a consistent snapshot of its modules' source, read once.

A snapshot reads every source file of a package when it is taken, loaded or not. A generation may import one of its
modules later, when the files on disk have changed, and must still get its own version of it. Files are read as bytes
and compiled from them. A ``.pyc`` beside a source is never trusted: it is keyed by second and size and would serve old
code after a quick edit. Modules without source are loaded through their own loader, extension modules are left to the
import system.
"""

from __future__ import annotations

import importlib.abc
import linecache
import os
import weakref
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from blockfreeze.linking import cpython
from blockfreeze.versions.import_paths import has_modules, spec_by, spec_in, specs_in
from blockfreeze.versions.making_loaders import loader_for
from blockfreeze.versions.module_source import (
    ModuleSource,
    file_spec,
    find_plain_spec,
    is_linkable,
    read_module,
    told_about,
)
from blockfreeze.versions.source_text import bytes_of, lines_of, sha256

SourceGiven = str | bytes | os.PathLike[str] | Mapping[str, str | bytes]


def _forget_lines(filename: str, cached: object) -> None:
    # Another block of the same name may have a version of that number by now.
    if linecache.cache.get(filename) is cached:
        del linecache.cache[filename]


def _show_lines(source: ModuleSource, filename: str, data: bytes) -> None:
    """Let tracebacks and inspect find the lines of a source that is no file, as long as its version is known."""
    # No time stamp: checkcache leaves such an entry alone.
    cached = linecache.cache[filename] = (len(data), None, lines_of(data), filename)
    weakref.finalize(source, _forget_lines, filename, cached).atexit = False


class Snapshot:
    """A version of a block's modules, by name. Immutable once taken, but for modules found later by `find`."""

    def __init__(self, roots: tuple[str, ...], makers: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.roots = roots
        self.modules: dict[str, ModuleSource] = {}
        self.complete = False  # nothing outside `modules` belongs to this version
        self.makers = dict(makers)  # the loaders that have made the code of modules of earlier versions, by name

    @classmethod
    def of_roots(cls, specs: Iterable[ModuleSpec]) -> Snapshot:
        """Take a snapshot of roots as their specs say."""
        specs = tuple(specs)
        snapshot = cls(tuple(spec.name for spec in specs))
        for spec in specs:
            snapshot.take(spec)
        return snapshot

    def again(self) -> Snapshot:
        """Take a snapshot of the same files and directories as they are now.

        Raises:
            FileNotFoundError: the file of a root is gone.
        """
        fresh = self._successor()
        importlib.invalidate_caches()
        for root in self.roots:
            old = self.modules[root]
            with told_about(root, old.file):
                fresh._take_again(old)
        return fresh

    def _successor(self) -> Snapshot:
        makers = {name: source.loader for name, source in self.modules.items() if source.is_made}
        return Snapshot(self.roots, self.makers | makers)

    def _take_again(self, old: ModuleSource) -> None:
        root, file = old.name, None if old.file is None else Path(old.file)
        if isinstance(old.loader, type):
            self.modules[root] = old  # one of the interpreter's own, which do not change
        elif file is not None and file.exists():
            self.take(self._spec(root, file, package=old.is_package))
        elif file is None or not isinstance(old.loader, importlib.abc.FileLoader):
            self.take(spec_by(old.loader, root))
        else:
            place, tail = file.parent.parent if old.is_package else file.parent, root.rpartition(".")[2]
            if not (place / f"{tail}.py").exists() and not (place / tail / "__init__.py").exists():
                raise FileNotFoundError(2, "no such file", str(file))
            self.take_from(root, place)

    def given(self, source: SourceGiven, number: int) -> Snapshot:
        """Take a snapshot of what a caller hands to `swap` as `source`.

        Args:
            source: a directory, a zip file, a source file, source text, or a mapping from names of members to texts.
            number: the number of the generation that is to be built, for the name of a text without a file.

        Raises:
            FileNotFoundError: there is no such file, or no root of the block in the directory.
            ValueError: a single file or text was given for a block of more than one module.
        """
        if isinstance(source, Mapping):
            return self._with_texts(source, number)
        if isinstance(source, bytes) or (isinstance(source, str) and _is_text(source)):
            return self._with_texts({self._only_root(): source}, number)
        place = Path(source)
        importlib.invalidate_caches()
        fresh = self._successor()
        fresh.complete = True
        if place.is_dir():
            for root in self.roots:
                with told_about(root, str(place)):
                    fresh.take_from(root, place)
        elif has_modules(place):
            for root in self.roots:
                with told_about(root, str(place)):
                    fresh.take(spec_in(place, root))
        elif place.exists():
            root = self._only_root()
            package = place.name == "__init__.py"
            fresh.take(fresh._spec(root, place, package=package))
        else:
            raise FileNotFoundError(2, "no such file or directory", str(place))
        return fresh

    def _only_root(self) -> str:
        if len(self.roots) != 1:
            raise ValueError(f"one file or text was given for a block of {len(self.roots)} modules; give a directory")
        return self.roots[0]

    def _with_texts(self, texts: Mapping[str, str | bytes], number: int) -> Snapshot:
        fresh = self._successor()
        fresh.complete = self.complete
        fresh.modules.update(self.modules)
        for name, text in texts.items():
            filename = f"<blockfreeze {name} generation {number}>"
            with told_about(name, filename):
                data = bytes_of(text)
            old = self.modules.get(name)
            search = old.search if old is not None else None
            loader = old.loader if old is not None else loader_for(fresh.makers, name)
            given = ModuleSource(name, filename, data, loader, search)
            given.file = old.file if old is not None else None
            _show_lines(given, filename, data)
            fresh.modules[name] = given
        return fresh

    def _spec(self, name: str, path: Path, *, package: bool) -> ModuleSpec:
        return file_spec(name, path, package=package, makers=self.makers)

    def take_from(self, root: str, place: Path) -> None:
        """Take `root` from a directory that holds it, under its last or its whole name, or that is its package."""
        place = Path(os.path.abspath(place))
        tail = root.rpartition(".")[2]
        whole = Path(*root.split("."))
        for base in (place / whole, place / tail):
            if (base / "__init__.py").is_file():
                return self.take(self._spec(root, base / "__init__.py", package=True))
            module = base.with_name(base.name + ".py")
            if module.is_file():
                return self.take(self._spec(root, module, package=False))
        if (place / "__init__.py").is_file():
            return self.take(self._spec(root, place / "__init__.py", package=True))
        raise FileNotFoundError(2, f"no module {root!r} in the directory", str(place))

    def take(self, spec: ModuleSpec) -> None:
        """Read the module of `spec` and, if it is a package, the sources of everything in it."""
        name = spec.name
        search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        found = self.modules[name] = read_module(name, spec, search)
        if found.data is not None and found.path is not None and not Path(found.path).exists():
            # The namespace of a forwarder, which a traceback meets first, has the loader of another version.
            _show_lines(found, found.path, found.data)
        for place in search or ():
            if Path(place).is_dir():
                self._take_directory(name, Path(place))
            else:
                for inside in specs_in(place, name):
                    self.take(inside)

    def _take_directory(self, package: str, directory: Path) -> None:
        with os.scandir(directory) as entries:
            found = {entry.name: entry for entry in entries}
        for file in sorted(found):
            stem = file.partition(".")[0]
            name = f"{package}.{stem}"
            if not stem.isidentifier() or name in self.modules or stem == "__init__":
                continue
            path = directory / file
            if file == stem + ".py" and found[file].is_file():
                if stem not in found or not (directory / stem / "__init__.py").is_file():
                    self.modules[name] = read_module(name, self._spec(name, path, package=False), None)
            elif not found[file].is_dir():
                continue
            elif (path / "__init__.py").is_file():
                spec = self._spec(name, path / "__init__.py", package=True)
                self.modules[name] = read_module(name, spec, [str(path)])
                self._take_directory(name, path)
            else:
                self._take_directory(name, path)  # a namespace package, if anything in it is imported

    def share(self, other: Snapshot) -> None:
        """Take over what was derived from the modules of another version, where this one has the same text."""
        for name, source in self.modules.items():
            if name in other.modules:
                source.share(other.modules[name])

    def find(self, name: str, path: Iterable[str] | None) -> ModuleSource | None:
        """Return the module `name` of this version; None if it has none, or only one that is left to the import system.

        Args:
            path: the search path of the parent package, for members that are not source files.
        """
        found = self.modules.get(name)
        if found is None and not (self.complete and path is None):
            spec = find_plain_spec(name, path)
            if spec is not None and is_linkable(spec):
                search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
                found = self.modules[name] = read_module(name, spec, search)
        # Importers of a module that puts another object in its place want that object, which cannot be swapped.
        return None if found is not None and name not in self.roots and found.replaces_itself else found

    def has_inside(self, name: str) -> bool:
        """Tell whether a module of this version is inside of `name`."""
        return any(one.startswith(name + ".") for one in self.modules)

    def version_hash(self) -> str:
        """Return a hash of the sources of all modules of the version, loaded or not, as hexadecimal digits.

        So it is the same in every process, whatever each has imported so far.
        """
        whole = sha256()
        for name, source in sorted(self.modules.items()):
            if source.data is not None:
                whole.update(name.encode() + b"\0" + source.digest())
        return str(whole.hexdigest())


def _is_text(source: str) -> bool:
    if "\n" in source:
        return True
    if Path(source).exists() or not any(mark in source for mark in " =("):
        return False
    try:
        cpython.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
