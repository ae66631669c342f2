"""Where a version of a block comes from: a consistent snapshot of its modules' source, read once.

A snapshot reads every source file of a package when it is taken, loaded or not: a generation that imports one of its
modules later, when the files on disk have changed, must still get its own version of it. Files are read as bytes and
compiled from them; a ``.pyc`` beside a source is never trusted, since it is keyed by second and size and would serve
old code after a quick edit. Modules without source are loaded through their own loader, extension modules are left
to the import system.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any

from blockfreeze import cpython
from blockfreeze.names import copy_code

__all__ = ["ModuleSource", "Snapshot", "SourceGiven", "covers", "find_plain_spec", "says_the_same"]

SourceGiven = str | bytes | os.PathLike[str] | Mapping[str, str | bytes]

_SOURCE = tuple(importlib.machinery.SOURCE_SUFFIXES)


class ModuleSource:
    """One module of a snapshot: its source's bytes, or the loader that has its code; and where it came from."""

    def __init__(self, name: str, path: str | None, data: bytes | None, loader: Any, search: list[str] | None) -> None:
        self.name = name
        self.path = path
        self.file = path  # on disk; a version that was given as text keeps that of the version before
        self.data = data
        self.loader = loader
        self.search = search
        self.shown = path  # what the module is to show as its __file__
        self._code: CodeType | None = None

    @property
    def is_package(self) -> bool:
        """Whether the module is a package."""
        return self.search is not None

    @cached_property
    def replaces_itself(self) -> bool:
        """Whether the module puts another object in its place in `sys.modules`, as its source says."""
        if self.data is None or b"modules" not in self.data:
            return False
        try:
            tree = cpython.parse(self.data)
        except (SyntaxError, ValueError):
            return False
        targets = (target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets)
        return any(_is_place_of(self.name, target) for target in targets)

    def compile(self) -> CodeType:
        """Return the module's code object.

        Raises:
            SyntaxError, ValueError: the source is not Python.
            ImportError: the module's own loader has no code for it.
        """
        if self.data is None:
            # Asked once: the interpreter's own loader of frozen modules can be switched off later.
            self._code = self._code or self.loader.get_code(self.name)
            if not isinstance(self._code, CodeType):
                raise ImportError(f"{self.name}: its loader has no code for it", name=self.name)
            return copy_code(self._code)
        code = compile(self.data, self.path or f"<{self.name}>", "exec", dont_inherit=True)
        assert isinstance(code, CodeType)
        return code

    def digest(self) -> bytes:
        """Return a hash of the source, or of nothing where there is no source."""
        return hashlib.sha256(self.data or b"").digest()


def find_plain_spec(name: str, path: Iterable[str] | None) -> ModuleSpec | None:
    """Return the spec that the import system would find for `name` without blockfreeze's own finder."""
    for finder in sys.meta_path:
        if getattr(finder, "finds_blocks", False):
            continue
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find is None else find(name, path)
        if spec is not None:
            return spec
    return None


def _forget_lines(filename: str, cached: object) -> None:
    # Another block of the same name may have a version of that number by now.
    if linecache.cache.get(filename) is cached:
        del linecache.cache[filename]


class Snapshot:
    """A version of a block's modules, by name. Immutable once taken, but for modules found later by `find`."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self.modules: dict[str, ModuleSource] = {}
        self.complete = False  # nothing outside `modules` belongs to this version

    @classmethod
    def of_roots(cls, roots: tuple[str, ...]) -> Snapshot:
        """Take a snapshot of `roots` where the import system finds them now.

        Raises:
            ModuleNotFoundError: a root does not exist.
        """
        snapshot = cls(roots)
        importlib.invalidate_caches()
        for root in roots:
            parent, _, _ = root.rpartition(".")
            path = None
            if parent:
                path = importlib.import_module(parent).__path__
            spec = find_plain_spec(root, path)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {root!r}", name=root)
            snapshot.take(spec)
        return snapshot

    def again(self) -> Snapshot:
        """Take a snapshot of the same places as they are now.

        Raises:
            FileNotFoundError: the file of a root is gone.
        """
        fresh = Snapshot(self.roots)
        importlib.invalidate_caches()
        for root in self.roots:
            old = self.modules[root]
            if old.file is None or old.data is None:
                fresh.modules[root] = old
                continue
            place = Path(old.file).parent.parent if old.is_package else Path(old.file).parent
            if not Path(old.file).exists():
                tail = root.rpartition(".")[2]
                if not (place / f"{tail}.py").exists() and not (place / tail / "__init__.py").exists():
                    raise FileNotFoundError(2, "no such file", old.file)
                fresh.take_from(root, place)
            else:
                fresh.take(_file_spec(root, Path(old.file), package=old.is_package))
        return fresh

    def given(self, source: SourceGiven, number: int) -> Snapshot:
        """Take a snapshot of what a caller hands to `swap` as `source`.

        Args:
            source: a directory, a file, source text, or a mapping from names of members to source text.
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
        fresh = Snapshot(self.roots)
        fresh.complete = True
        if place.is_dir():
            for root in self.roots:
                fresh.take_from(root, place)
        elif place.exists():
            root = self._only_root()
            package = place.name == "__init__.py"
            fresh.take(_file_spec(root, place, package=package))
        else:
            raise FileNotFoundError(2, "no such file or directory", str(place))
        return fresh

    def _only_root(self) -> str:
        if len(self.roots) != 1:
            raise ValueError(f"one file or text was given for a block of {len(self.roots)} modules; give a directory")
        return self.roots[0]

    def _with_texts(self, texts: Mapping[str, str | bytes], number: int) -> Snapshot:
        fresh = Snapshot(self.roots)
        fresh.complete = self.complete
        fresh.modules.update(self.modules)
        for name, text in texts.items():
            data = text.encode() if isinstance(text, str) else bytes(text)
            filename = f"<blockfreeze {name} generation {number}>"
            old = self.modules.get(name)
            lines = data.decode(errors="replace").splitlines(keepends=True)
            # No time stamp: checkcache leaves such an entry alone, so tracebacks and inspect find the lines.
            cached = linecache.cache[filename] = (len(data), None, lines, filename)
            search = old.search if old is not None else None
            given = ModuleSource(name, filename, data, old.loader if old is not None else None, search)
            given.file = old.file if old is not None else None
            weakref.finalize(given, _forget_lines, filename, cached).atexit = False
            fresh.modules[name] = given
        return fresh

    def take_from(self, root: str, place: Path) -> None:
        """Take `root` from a directory that holds it, under its last or its whole name, or that is its package."""
        place = Path(os.path.abspath(place))
        tail = root.rpartition(".")[2]
        whole = Path(*root.split("."))
        for base in (place / whole, place / tail):
            if (base / "__init__.py").is_file():
                return self.take(_file_spec(root, base / "__init__.py", package=True))
            module = base.with_name(base.name + ".py")
            if module.is_file():
                return self.take(_file_spec(root, module, package=False))
        if (place / "__init__.py").is_file():
            return self.take(_file_spec(root, place / "__init__.py", package=True))
        raise FileNotFoundError(2, f"no module {root!r} in the directory", str(place))

    def take(self, spec: ModuleSpec) -> None:
        """Read the module of `spec` and, if it is a package, the sources of everything in it."""
        name = spec.name
        search = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
        self.modules[name] = _read(name, spec, search)
        for directory in search or ():
            self._take_directory(name, Path(directory))

    def _take_directory(self, package: str, directory: Path) -> None:
        if not directory.is_dir():
            return
        for path in sorted(directory.iterdir()):
            stem = path.name.partition(".")[0]
            name = f"{package}.{stem}"
            if not stem.isidentifier() or name in self.modules or stem == "__init__":
                continue
            if path.is_file() and path.name == stem + ".py":
                if not (directory / stem / "__init__.py").is_file():
                    self.modules[name] = _read(name, _file_spec(name, path, package=False), None)
            elif (path / "__init__.py").is_file():
                spec = _file_spec(name, path / "__init__.py", package=True)
                self.modules[name] = _read(name, spec, [str(path)])
                self._take_directory(name, path)
            elif path.is_dir():
                self._take_directory(name, path)  # a namespace package, if anything in it is imported

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
                found = self.modules[name] = _read(name, spec, search)
        # Who imports a module that puts another object in its place wants that object, which is nothing to be swapped.
        return None if found is not None and name not in self.roots and found.replaces_itself else found

    def has_inside(self, name: str) -> bool:
        """Tell whether a module of this version is inside of `name`."""
        return any(one.startswith(name + ".") for one in self.modules)

    def hash(self, names: Iterable[str]) -> str:
        """Return a hash of the sources of the modules `names`, as hexadecimal digits."""
        whole = hashlib.sha256()
        for name in sorted(names):
            source = self.modules.get(name)
            if source is not None:
                whole.update(name.encode() + b"\0" + source.digest())
        return whole.hexdigest()


def _is_place_of(name: str, target: ast.expr) -> bool:
    """Tell whether an assignment goes to the place that `sys.modules` has for the module `name`."""
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Attribute | ast.Name):
        return False
    held, key = target.value, target.slice
    table = held.attr if isinstance(held, ast.Attribute) else held.id
    itself = key.id == "__name__" if isinstance(key, ast.Name) else isinstance(key, ast.Constant) and key.value == name
    return table == "modules" and itself


def covers(roots: Iterable[str], name: str) -> bool:
    """Tell whether the module `name` is, or would be, one of `roots` or inside one."""
    return any(name == root or name.startswith(root + ".") for root in roots)


def is_linkable(spec: ModuleSpec) -> bool:
    """Tell whether the module of `spec` has Python code: not an extension, built-in or namespace package."""
    loader = spec.loader
    extension = isinstance(loader, importlib.machinery.ExtensionFileLoader)
    return loader is not None and not extension and spec.origin != "built-in" and hasattr(loader, "get_code")


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


def _file_spec(name: str, path: Path, *, package: bool) -> ModuleSpec:
    path = Path(os.path.abspath(path))
    loader: Any = importlib.machinery.SourceFileLoader(name, str(path))
    if not path.name.endswith(_SOURCE):
        loader = importlib.machinery.SourcelessFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(
        name, str(path), loader=loader, submodule_search_locations=[str(path.parent)] if package else None
    )
    assert spec is not None
    return spec


def _read(name: str, spec: ModuleSpec, search: list[str] | None) -> ModuleSource:
    loader: Any = spec.loader
    path = spec.origin if spec.has_location else None
    data: bytes | None = None
    if path is not None and path.endswith(_SOURCE) and hasattr(loader, "get_data"):
        data = loader.get_data(path)
    source = ModuleSource(name, path, data, loader, search)
    # The interpreter's own frozen modules have no location, but they do tell where their source lies.
    source.shown = path or getattr(spec.loader_state, "filename", None)
    return source


def says_the_same(before: ModuleSource, after: ModuleSource, name: str) -> bool:
    """Tell whether the statements that bind `name` at the top level of two versions of a module have the same text.

    The name of an attribute that the body of a class binds has that of the class in front, and a dot. Positions and
    comments do not count. Without source, or without such a statement, everything counts as changed.
    """
    if before.data is None or after.data is None:
        return False
    if before.data == after.data:
        return name in _names_bound(after.data)
    digest = _digests(after.data).get(name)
    return digest is not None and digest == _digests(before.data).get(name)


@lru_cache(maxsize=1024)
def _names_bound(data: bytes) -> frozenset[str]:
    return frozenset(name for _, name in _bindings(cpython.parse(data).body))


@lru_cache(maxsize=1024)
def _digests(data: bytes) -> Mapping[str, str]:
    digests: dict[str, str] = {}
    for statement, name in _bindings(cpython.parse(data).body):
        digests[name] = digests.get(name, "") + ast.dump(statement)
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in digests.items()}


def _assigned(target: ast.expr) -> Iterable[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _assigned(one)


def _bindings(statements: Iterable[ast.stmt]) -> Iterable[tuple[ast.stmt, str]]:
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement, statement.name
            if isinstance(statement, ast.ClassDef):
                yield from ((inner, f"{statement.name}.{name}") for inner, name in _bindings(statement.body))
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from ((statement, name) for name in _assigned(target))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement, statement.target.id
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _bindings(getattr(statement, field, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from _bindings(handler.body)
