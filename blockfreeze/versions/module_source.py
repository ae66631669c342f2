"""The modules of a version, one by one: how they are found and read, and what can be asked of each."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType
from typing import Any

from blockfreeze.linking import cpython
from blockfreeze.linking.analysis import copy_code
from blockfreeze.versions.making_loaders import code_by, loader_for, makes_code, relocated
from blockfreeze.versions.source_text import sha256

_SOURCE = tuple(importlib.machinery.SOURCE_SUFFIXES)

_BETWEEN = rb"(?:[\s\\()]|#[^\r\n]*[\r\n])*"
_PLACE_OF_MODULE = re.compile(
    _BETWEEN.join([rb"modules", rb"\[", rb"(?:__name__|[rRuU]?['\"][^]\r\n]*)", rb"\]", rb"=(?!=)"])
)
"""An assignment to a place in `sys.modules` that is named by a text or ``__name__``, as a source has it."""

_MODULE = "blockfreeze_module"
"""The attribute of an error that has the name of the module which it is about."""


@contextmanager
def told_about(module: str, path: str | None) -> Iterator[None]:
    """Let an error that reading a module raises tell of which module; a syntax error names its file as well.

    Trees are kept by their text alone, and the parser knows no place of null bytes.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, SyntaxError) and error.filename in (None, "<unknown>"):
            error.filename = path
        if module_at_fault(error) is None:
            with suppress(Exception):  # an exception of a loader's own may let nothing be set
                setattr(error, _MODULE, module)
        raise


def module_at_fault(error: BaseException) -> str | None:
    """Return the module that could not be read, parsed or compiled; None if the error is about something else."""
    name = getattr(error, _MODULE, None)
    return name if isinstance(name, str) else None


@lru_cache(maxsize=2)
def tree_of(data: bytes) -> ast.Module:
    """Return the syntax tree of a source, which nobody changes.

    Few are kept: a tree has many objects, and every walk through the collector's objects meets them. What was derived
    from a tree lives as long as a version that has its text; see `ModuleSource.outline`.

    Raises:
        SyntaxError, ValueError: the source is not Python.
    """
    return cpython.parse(data)


@dataclass
class Derived:
    """What has been read off a text, for all versions that have it."""

    outline: Any = None
    """What `outline_of` has found."""
    effects: dict[str | None, Any] = field(default_factory=dict)
    """By the path, for the last few, what `effects.done_again` has found."""


class ModuleSource:
    """One module of a snapshot: its source's bytes, or the loader that has its code, and where it came from."""

    def __init__(self, name: str, path: str | None, data: bytes | None, loader: Any, search: list[str] | None) -> None:
        self.name = name
        self.path = path
        self.file = path  # on disk; a version that was given as text keeps that of the version before
        self.data = data
        self.loader = loader
        self.search = search
        self.shown = path  # what the module is to show as its __file__
        self.stored: Mapping[str, bytes] = {}  # linked forms that came with it, of which each is verified
        self.derived = Derived()
        self._code: CodeType | None = None

    def share(self, other: ModuleSource) -> None:
        """Take over what was derived from the text of another version, if this one has the same text."""
        if (self.data, self.package) == (other.data, other.package):
            self.derived = other.derived

    @cached_property
    def is_made(self) -> bool:
        """Whether the module has source of which its loader makes the code in its own way."""
        return self.data is not None and makes_code(self.loader)

    @cached_property
    def may_use_us(self) -> bool:
        """Whether the source may declare something to blockfreeze: it would have to name it, to import it."""
        return self.data is not None and b"blockfreeze" in self.data

    @property
    def is_package(self) -> bool:
        """Whether the module is a package."""
        return self.search is not None

    @property
    def package(self) -> str:
        """The package that relative imports in the module start from; empty if there is none."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def replaces_itself(self) -> bool:
        """Whether the module puts another object in its place in `sys.modules`, as its source says."""
        if self.data is None or _PLACE_OF_MODULE.search(self.data) is None:
            return False
        try:
            tree = tree_of(self.data)
        except (SyntaxError, ValueError):
            return False
        targets = (target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets)
        return any(_is_place_of(self.name, target) for target in targets)

    def compile(self, instead: bytes | None = None) -> CodeType:
        """Return the module's code object.

        Args:
            instead: a source to be compiled instead of its own.

        Raises:
            SyntaxError, ValueError: the source is not Python.
            ImportError: the module's own loader has no code for it.
        """
        data, path = instead or self.data, self.path or f"<{self.name}>"
        with told_about(self.name, self.path):
            if data is None:
                # Asked once: the interpreter's own loader of frozen modules can be switched off later.
                self._code = self._code or copy_code(_checked(self.name, self.loader.get_code(self.name)))
                return copy_code(self._code)
            if self.is_made:
                return copy_code(_checked(self.name, code_by(self.loader, self.name, path, data)))
            return _checked(self.name, cpython.compiled(data, path, self.name))

    def has_text_of(self, other: ModuleSource) -> bool:
        """Tell whether another module has the same source in the same place, of which code is made in the same way."""
        mine, others = ((one.data, one.path, type(one.loader) if one.is_made else None) for one in (self, other))
        return mine == others

    def digest(self) -> bytes:
        """Return a hash of the source, or of nothing where there is no source."""
        return bytes(sha256(self.data or b"").digest())


def _checked(name: str, code: object) -> CodeType:
    if not isinstance(code, CodeType):
        raise ImportError(f"{name}: its loader has no code for it", name=name)
    return code


def absolute_name(name: str, level: int, package: str) -> str | None:
    """Return the whole name of what an import statement in `package` names, with `level` dots in front.

    None if it leads out of every package. Such a statement fails, but a module may try it, and import something else.
    """
    try:
        return importlib.util.resolve_name("." * level + name, package) if level else name
    except ImportError:
        return None


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


def _is_place_of(name: str, target: ast.expr) -> bool:
    """Tell whether an assignment goes to what `sys.modules` has under the module's `name`."""
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Attribute | ast.Name):
        return False
    held, key = target.value, target.slice
    table = held.attr if isinstance(held, ast.Attribute) else held.id
    itself = key.id == "__name__" if isinstance(key, ast.Name) else isinstance(key, ast.Constant) and key.value == name
    return table == "modules" and itself


def covers(roots: Collection[str], name: str) -> bool:
    """Tell whether the module `name` is, or would be, one of `roots` or inside one."""
    return name in roots or name.startswith(tuple(f"{root}." for root in roots))


def is_linkable(spec: ModuleSpec) -> bool:
    """Tell whether the module of `spec` has Python code: not an extension, built-in or namespace package.

    Nor has one that its loader makes of other objects, as that of ``six.moves`` does.
    """
    loader: Any = spec.loader
    extension = isinstance(loader, importlib.machinery.ExtensionFileLoader)
    if loader is None or extension or spec.origin == "built-in" or not hasattr(loader, "get_code"):
        return False
    with suppress(ImportError):  # whoever links the module is told
        return spec.has_location or loader.get_code(spec.name) is not None
    return True


def file_spec(name: str, path: Path, *, package: bool, makers: Mapping[str, Any]) -> ModuleSpec:
    """Return a spec for the module `name` in the file at `path`, whatever else the import system would find.

    Args:
        makers: the loaders that have made the code of modules of the block, by their names. So a hook that was in force
            when a module was imported stays in force for it.
    """
    path = Path(os.path.abspath(path))
    loader: Any = importlib.machinery.SourceFileLoader(name, str(path))
    if not path.name.endswith(_SOURCE):
        loader = importlib.machinery.SourcelessFileLoader(name, str(path))
    else:
        maker = makers.get(name) or _maker_at(name, path, package=package, makers=makers)
        loader = loader if maker is None else relocated(maker, name, str(path))
    spec = importlib.util.spec_from_file_location(
        name, str(path), loader=loader, submodule_search_locations=[str(path.parent)] if package else None
    )
    assert spec is not None
    return spec


def _maker_at(name: str, path: Path, *, package: bool, makers: Mapping[str, Any]) -> Any:
    """Return the loader that would make the code of a module in a file, if it was imported from there."""
    found = None
    with suppress(Exception):  # a hook may want to know nothing of a module that nobody imports
        found = find_plain_spec(name, [str(path.parent.parent if package else path.parent)])
    if found is not None and makes_code(found.loader):
        return found.loader
    return None if found is not None and found.origin == str(path) else loader_for(makers, name)


def read_module(name: str, spec: ModuleSpec, search: list[str] | None) -> ModuleSource:
    """Read the source of the module of `spec`, if it has one; `search` is its search path if it is a package.

    Raises:
        OSError: the file cannot be read.
    """
    loader: Any = spec.loader
    path = spec.origin if spec.has_location else None
    data: bytes | None = None
    if path is not None and path.endswith(_SOURCE) and hasattr(loader, "get_data"):
        with told_about(name, path):
            data = loader.get_data(path)
    source = ModuleSource(name, path, data, loader, search)
    # The interpreter's own frozen modules have no location, but they do tell where their source lies.
    source.shown = path or getattr(spec.loader_state, "filename", None)
    return source
