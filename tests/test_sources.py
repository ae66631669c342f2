"""Where code comes from: how text is encoded, who compiles it, and which module is named when that fails."""

from __future__ import annotations

import ast
import dis
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

import blockfreeze as bf

ENCODED = {
    "named first": ("# coding: iso-8859-15\ndef f():\n    return '€{n}'\n", "iso-8859-15"),
    "named second": ("#!/usr/bin/env python\n# -*- coding: koi8-r -*-\ndef f():\n    return 'я{n}'\n", "koi8-r"),
    "named as UTF-8": ("# vim: set fileencoding=utf-8 :\ndef f():\n    return '€я{n}'\n", "utf-8"),
    "a mark": ("\ufeffdef f():\n    return '€я{n}'\n", "utf-8"),
    "a mark and a name": ("\ufeff# coding=utf-8\ndef f():\n    return '€я{n}'\n", "utf-8"),
    "several bytes": ("\n# coding: big5\ndef f():\n    return '許{n}'\n", "big5"),
    "no name": ("x = 1\n# coding: latin-1\n# coding: nonsense\ndef f():\n    return '€{n}'\n", "utf-8"),
    "old ends of lines": ("# coding: cp1252\rdef f():\r    return '€{n}'\r", "cp1252"),
    "form feeds": ("\x0c# coding: cp1252\n\x0c\ndef f():\n    return '€{n}\x0b\x1c'\n", "cp1252"),
}


def asked(function: Any) -> str:
    """Return the line at which a function fails, as a traceback shows it."""
    try:
        function(None)
    except TypeError as error:
        return traceback.extract_tb(error.__traceback__)[-1].line or ""
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("case", ENCODED)
@pytest.mark.parametrize("kind", ["edited file", "other file", "text", "bytes", "mapping of text", "mapping of bytes"])
def test_a_version_means_what_its_file_would_mean(workshop: Any, case: str, kind: str) -> None:
    text, encoding = ENCODED[case]
    file = workshop.write("coded.py", "")
    file.write_bytes(text.format(n=1).encode(encoding))
    plain = compile(file.read_bytes(), "coded", "exec")
    wanted: dict[str, Any] = {}
    exec(plain, wanted)
    module = bf.freeze_block("coded")
    assert module.f() == wanted["f"]()
    new = text.format(n=2)
    data = new.encode(encoding)
    other = file.with_name("other.py")
    (file if kind == "edited file" else other).write_bytes(data)
    bf.swap(
        module,
        source={
            "edited file": None,
            "other file": other,
            "text": new,
            "bytes": data,
            "mapping of text": {"coded": new},
            "mapping of bytes": {"coded": data},
        }[kind],
    )
    assert module.f() == wanted["f"]().replace("1", "2")


def test_text_may_have_characters_that_the_encoding_it_names_has_not(workshop: Any) -> None:
    module = workshop.freeze("named", "def f(): return 1\n")
    bf.swap(module, source="# coding: ascii\ndef f(): return '€ж漢'\n")
    assert module.f() == "€ж漢"


def test_an_encoding_that_nobody_knows_is_refused_in_text_too(workshop: Any) -> None:
    module = workshop.freeze("named", "def f(): return 1\n")
    with pytest.raises(bf.PrepareError, match="unknown encoding"):
        bf.swap(module, source="# coding: no-such\ndef f(): return 2\n")
    assert module.f() == 1


@pytest.mark.parametrize("given", [str, bytes])
def test_the_lines_of_a_text_are_those_that_python_counts(workshop: Any, given: type) -> None:
    module = workshop.freeze("lined", "def f(a): return a\n")
    text = "# coding: cp1251\r\nx = 'ж\x1c\x0b'\r\n\x0c\r\ndef f(a):\r\n    return a + 'я'  # ж\r\n"
    bf.swap(module, source=text if given is str else text.encode("cp1251"))
    assert asked(module.f) == "return a + 'я'  # ж"
    assert linecache.getline(module.f.__code__.co_filename, 5) == "    return a + 'я'  # ж\n"


NEW = {
    "p/__init__.py": "",
    "p/views.py": "import blockfreeze as bf\nfrom . import model\n@bf.entry\ndef f(): return model.g()\n",
    "p/model.py": "def g(): return 2\n",
    "p/late.py": "",
}

BROKEN = {
    "syntax": (SyntaxError, "def g(): return 2\nx = (\n"),
    "indentation": (IndentationError, "def g():\nreturn 2\n"),
    "null bytes": ((SyntaxError, ValueError), "def g(): return 2\x00\n"),
    "encoding": (SyntaxError, "# coding: no-such\n"),
}


@pytest.fixture
def package(workshop: Any) -> Any:
    for name, text in NEW.items():
        workshop.write(name, text.replace("2", "1"))
    module = bf.freeze_block("p")
    workshop.load("p.views")
    return module


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("member", ["model", "views", "__init__", "late"])
def test_what_is_no_python_is_named_with_its_file(workshop: Any, package: Any, broken: str, member: str) -> None:
    kind, text = BROKEN[broken]
    imports_late = {"p/views.py": "from . import late\n" + NEW["p/views.py"]} if member == "late" else {}
    place = workshop.version("second", NEW | imports_late | {f"p/{member}.py": text})
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(package, source=place)
    error, cause = caught.value, caught.value.__cause__
    name = "p" if member == "__init__" else f"p.{member}"
    assert isinstance(cause, kind)
    assert error.member == name
    assert str(error).startswith(f"{name}: ")
    if isinstance(cause, SyntaxError):
        assert cause.filename == str(place / "p" / f"{member}.py")
    assert workshop.load("p.views").f() == 1


@pytest.mark.parametrize("what", ["unreadable", "surrogates", "no package"])
def test_the_member_that_cannot_be_read_is_named(
    workshop: Any, package: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = importlib.machinery.SourceFileLoader.get_data

    def unreadable(loader: Any, path: str) -> bytes:
        if path.endswith("model.py"):
            raise PermissionError(13, "not yours", path)
        return read(loader, path)

    place = workshop.version("second", NEW)
    source: Any = place
    if what == "unreadable":
        monkeypatch.setattr(importlib.machinery.SourceFileLoader, "get_data", unreadable)
    elif what == "surrogates":
        source = {"p.model": "def g(): return '\ud800'\n"}
    else:
        (place / "p" / "__init__.py").unlink()
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(package, source=source)
    assert (caught.value.phase, caught.value.member) == ("read", "p" if what == "no package" else "p.model")


def test_the_body_at_fault_is_named(workshop: Any, package: Any) -> None:
    place = workshop.version("second", NEW | {"p/model.py": "def g(): return 2\n1 / 0\n"})
    with pytest.raises(bf.PrepareError, match=r"^p\.model: ") as caught:
        bf.swap(package, source=place)
    assert (caught.value.phase, caught.value.member) == ("execute", "p.model")


class Doubles(ast.NodeTransformer):
    """Doubles every whole number."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Constant(node.value * 2 if type(node.value) is int else node.value), node)


def doubled(code: CodeType) -> CodeType:
    """Return a code object in which every whole number above 9 is doubled.

    From 3.14 on small ones are in the instructions.
    """
    raw, small = bytearray(code.co_code), dis.opmap.get("LOAD_SMALL_INT")
    for at in range(0, len(raw), 2):
        if raw[at] == small and raw[at + 1] > 9:
            raw[at + 1] *= 2
    constants = [
        doubled(one) if isinstance(one, CodeType) else one * 2 if type(one) is int and one > 9 else one
        for one in code.co_consts
    ]
    return code.replace(co_code=bytes(raw), co_consts=tuple(constants))


class Transforms(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, fullname: Any = None, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        code = compile(Doubles().visit(ast.parse(data)), path, "exec", dont_inherit=True)
        assert isinstance(code, CodeType)
        return code


class Instruments(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        code = super().get_code(fullname)
        assert code is not None
        return doubled(code)


class NeedsItsName(importlib.machinery.SourceFileLoader):
    """As beartype has it: one of its two methods tells the other which module it is."""

    asked: str | None = None

    def get_code(self, fullname: str) -> CodeType | None:
        self.asked = fullname
        return super().get_code(fullname)

    def source_to_code(self, data: Any, path: Any, fullname: Any = None, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        assert self.asked is not None
        assert isinstance(data, bytes)
        return Transforms.source_to_code(self, data, path)  # type: ignore[arg-type]


class CompilesItself(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        text = self.get_source(fullname)
        assert text is not None
        path = self.get_filename(fullname)
        return Transforms.source_to_code(self, text.replace("giveback ", "return "), path)  # type: ignore[arg-type]


LOADERS = [Transforms, Instruments, NeedsItsName, CompilesItself]


class Hook:
    """A finder that gives the modules of one package a loader of their own, as import hooks do."""

    def __init__(self, package: str, loader: type) -> None:
        self.package, self.loader = package, loader

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] != self.package:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = self.loader(spec.loader.name, spec.loader.path)
        return spec


@pytest.fixture
def hooked(request: pytest.FixtureRequest) -> Iterator[Hook]:
    hook: Any = Hook("hooked", request.param)
    sys.meta_path.insert(0, hook)
    yield hook
    if hook in sys.meta_path:
        sys.meta_path.remove(hook)


FILES = {"hooked/__init__.py": "", "hooked/a.py": "from .b import g\ndef f(): return g() + 100\n"}


def write_version(workshop: Any, number: int) -> None:
    for name, text in FILES.items():
        workshop.write(name, text)
    workshop.write("hooked/b.py", f"def g(): return {number}\n")


@pytest.mark.parametrize("hooked", LOADERS, indirect=True)
@pytest.mark.parametrize("late", [False, True])
def test_code_comes_from_the_loader_that_makes_it(workshop: Any, hooked: Any, late: bool) -> None:
    write_version(workshop, 11)
    module = workshop.load("hooked.a") if late else None
    frozen = bf.freeze_block("hooked")
    module = workshop.load("hooked.a")
    held = module.f
    assert held() == 222
    write_version(workshop, 12)
    bf.swap(frozen)
    assert held() == module.f() == 224
    bf.swap(frozen, source={"hooked.b": "def g(): return 13\n"})
    assert held() == 226
    bf.swap(frozen, source={"hooked.b": "from .c import g\n", "hooked.c": "def g(): return 14\n"})
    assert held() == 228
    place = workshop.version(
        "next", FILES | {"hooked/b.py": "from .d import g\n", "hooked/d.py": "def g(): return 15\n"}
    )
    bf.swap(frozen, source=place)
    assert held() == 230
    bf.rollback(frozen)
    assert held() == 228


@pytest.mark.parametrize("hooked", LOADERS, indirect=True)
def test_a_quick_edit_is_not_served_from_stale_code(
    workshop: Any, hooked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write_version(workshop, 11)
    workshop.load("hooked.a")
    frozen = bf.freeze_block("hooked")
    file = workshop.path / "hooked" / "b.py"
    known = file.stat()
    for number in (12, 13):
        write_version(workshop, number)
        os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
        bf.swap(frozen)
        assert frozen.a.f() == 2 * number + 200


@pytest.mark.parametrize("hooked", LOADERS, indirect=True)
def test_a_hook_stays_in_force_where_it_was(workshop: Any, hooked: Any) -> None:
    write_version(workshop, 11)
    frozen = bf.freeze_block("hooked")
    workshop.load("hooked.a")
    sys.meta_path.remove(hooked)
    bf.swap(frozen)
    assert frozen.a.f() == 222
    assert frozen.a.f.__code__.co_filename.endswith("a.py")


@pytest.mark.parametrize("hooked", [CompilesItself], indirect=True)
def test_a_loader_may_make_code_of_what_is_not_python(workshop: Any, hooked: Any) -> None:
    workshop.write("hooked.py", "def f(): giveback 10\nclass C:\n    def m(self): giveback f()\n")
    frozen = bf.freeze_block("hooked")
    held = frozen.C()
    assert held.m() == 20
    workshop.write("hooked.py", "def f(): giveback 11\nclass C:\n    def m(self): giveback f()\n")
    bf.swap(frozen)
    assert held.m() == frozen.C().m() == 22
    workshop.write("hooked.py", "def f(): giveback (\n")
    with pytest.raises(bf.PrepareError, match="SyntaxError"):
        bf.swap(frozen)
    assert held.m() == 22


class Scrambled(importlib.machinery.SourceFileLoader):
    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        return bytes(one ^ 1 for one in data) if path.endswith(".py") else data


@pytest.mark.parametrize("hooked", [Scrambled], indirect=True)
def test_source_is_read_by_its_loader(workshop: Any, hooked: Any) -> None:
    file = workshop.write("hooked.py", "")
    for number in (1, 2):
        file.write_bytes(bytes(one ^ 1 for one in f"def f(): return {number}\n".encode()))
        frozen = bf.freeze_block("hooked")
        if number == 2:
            bf.swap(frozen)
        assert frozen.f() == number
    bf.swap(frozen, source="def f(): return 3\n")
    assert frozen.f() == 3


@pytest.mark.parametrize("hooked", [Transforms, Instruments], indirect=True)
def test_what_was_registered_is_not_registered_again_whoever_makes_the_code(workshop: Any, hooked: Any) -> None:
    workshop.write("registry.py", "table = []\ndef put(*args):\n    return lambda f: table.append(f) or f\n")
    registry = workshop.load("registry")
    text = """
        import blockfreeze as bf
        from registry import put
        @put(
            'ж',
            10,
        )
        @put() # ж
        @bf.entry
        def f(): return {n}
        def g(): return 1 / 0
    """
    workshop.write("hooked.py", text.format(n=11))
    frozen = bf.freeze_block("hooked")
    assert registry.table == [frozen.f] * 2
    workshop.write("hooked.py", text.format(n=12))
    bf.swap(frozen)
    assert registry.table == [frozen.f] * 2
    assert frozen.f() == 24
    with pytest.raises(ZeroDivisionError) as caught:
        frozen.g()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 11


ZIPPED = {
    "inner/__init__.py": "from importlib.resources import files\n"
    "def data(): return (files(__name__) / 'd.txt').read_text()\n",
    "inner/a.py": "from .deep.b import g\ndef f(): return g()\nclass C:\n    def m(self): return f()\n",
    "inner/deep/__init__.py": "",
    "inner/deep/b.py": "def g(): return {n}\n",
    "inner/deep/late.py": "def h(): return {n}\n",
    "inner/d.txt": "{n}",
}


def zipped(place: Path, number: int, inside: str = "", **more: str) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in {**ZIPPED, **more}.items():
            archive.writestr(inside + name, text.replace("{n}", str(number)))
    return place


@pytest.fixture
def archive(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    workshop.write("inner.py", "")  # so that its modules are forgotten
    (workshop.path / "inner.py").unlink()
    place = zipped(workshop.path.parent / "lib.zip", 1)
    monkeypatch.syspath_prepend(place)
    return place


@pytest.mark.parametrize("late", [False, True])
def test_a_package_in_a_zip_file_is_swapped_with_the_file_as_it_is_now(
    workshop: Any, archive: Path, late: bool
) -> None:
    if late:
        workshop.load("inner.a")
    frozen = bf.freeze_block("inner")
    a = workshop.load("inner.a")
    held, made = a.f, a.C()
    assert (held(), frozen.data()) == (1, "1")
    zipped(archive, 2, **{"inner/deep/b.py": "from .new import g\n", "inner/deep/new.py": "def g(): return 20\n"})
    bf.swap(frozen)
    assert (held(), made.m(), a.f(), frozen.data()) == (20, 20, 20, "2")
    zipped(archive, 3)
    bf.swap(frozen)
    assert (held(), made.m(), frozen.data()) == (3, 3, "3")
    bf.rollback(frozen)
    assert held() == 20
    archive.write_bytes(b"no archive")
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(frozen)
    assert (caught.value.phase, caught.value.member) == ("read", "inner")
    assert held() == 20


def test_a_module_that_joins_from_a_zip_file_is_its_generations_own(workshop: Any, archive: Path) -> None:
    frozen = bf.freeze_block("inner")
    zipped(archive, 2)
    assert workshop.load("inner.deep.late").h() == 1
    bf.swap(frozen)
    assert workshop.load("inner.deep.late").h() == 2


@pytest.mark.parametrize("where", ["beside", "above", "package", "nowhere"])
def test_a_zip_file_is_a_source(workshop: Any, where: str) -> None:
    for name, text in ZIPPED.items():
        workshop.write(name, text.replace("{n}", "1"))
    frozen = bf.freeze_block("inner")
    a = workshop.load("inner.a")
    place = workshop.path.parent / "release=2 (new).zip"
    zipped(place, 2, "src/" if where == "above" else "elsewhere/" if where == "nowhere" else "")
    source = {"beside": place, "above": str(place / "src"), "package": place / "inner", "nowhere": place}[where]
    if where == "nowhere":
        with pytest.raises(bf.PrepareError, match="inner"):
            bf.swap(frozen, source=source)
        assert a.f() == 1
        return
    bf.swap(frozen, source=source)
    assert (a.f(), frozen.data()) == (2, "2")
    zipped(place, 3, "src/" if where == "above" else "")
    bf.swap(frozen)
    assert (a.f(), frozen.data()) == (3, "3")


def test_a_loader_that_keeps_source_elsewhere_is_asked_again(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write("stored.py", "")
    (workshop.path / "stored.py").unlink()
    table = {"stored": "def f(): return 1\n"}

    class Stored(importlib.abc.InspectLoader):
        def get_source(self, fullname: str) -> str:
            return table[fullname]

        def is_package(self, fullname: str) -> bool:
            return False

    class Finder:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
            return importlib.util.spec_from_loader(name, Stored()) if name in table else None

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    frozen = bf.freeze_block("stored")
    held = frozen.f
    table["stored"] = "def f(): return 2\n"
    bf.swap(frozen)
    assert held() == 2


def loaded_from(path: Path, name: str, enter: bool = True) -> ModuleType:
    """Load a file as plug-in hosts do, without asking the import system."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if enter:
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


PLUGIN = "class C:\n    def m(self): return f()\ndef f(): return {n}\n"


@pytest.mark.parametrize("name", ["plug_in", "hosts_own.plug_in", "json"])
def test_a_module_that_was_loaded_by_its_path_is_frozen_and_swapped(
    workshop: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # and taken out afterwards
    file = workshop.version("plug_ins", {"file.py": PLUGIN.format(n=1)}) / "file.py"
    module = loaded_from(file, name)
    held, made = module.f, module.C()
    assert bf.freeze_block(module) is module
    file.write_text(PLUGIN.format(n=2))
    bf.swap(module)
    assert (held(), made.m(), module.f()) == (2, 2, 2)
    forget(name)


def forget(name: str) -> None:
    from blockfreeze.api import registry

    block = registry.covering(name)
    if block is not None:
        registry.remove(block)


def test_a_package_that_was_loaded_by_its_path_takes_its_members_along(workshop: Any) -> None:
    place = workshop.version(
        "plug_ins", {"by_path/__init__.py": "from . import m\n", "by_path/m.py": PLUGIN.format(n=1)}
    )
    module = loaded_from(place / "by_path" / "__init__.py", "by_path")
    held = module.m.f
    bf.freeze_block("by_path")
    (place / "by_path" / "m.py").write_text(PLUGIN.format(n=2))
    bf.swap(module)
    assert (held(), module.m.C().m()) == (2, 2)


@pytest.mark.parametrize("first", [bf.swap, bf.status, bf.prepare])
def test_a_module_that_a_pattern_matches_is_a_block_however_it_is_loaded(workshop: Any, first: Any) -> None:
    bf.install(f"awaited_{first.__name__}")
    name = f"awaited_{first.__name__}"
    file = workshop.version("plug_ins", {f"{name}.py": PLUGIN.format(n=1)}) / f"{name}.py"
    module = loaded_from(file, name)
    held = module.f
    found = first(module)
    if first is bf.prepare:
        found.discard()
    file.write_text(PLUGIN.format(n=2))
    bf.swap(name)
    assert (held(), module.C().m()) == (2, 2)


def test_a_module_that_was_there_before_its_pattern_is_left_alone(workshop: Any) -> None:
    workshop.write("left_alone.py", PLUGIN.format(n=1))
    module = workshop.load("left_alone")
    bf.install("left_alone")
    with pytest.raises(bf.BlockfreezeError, match="not a block"):
        bf.swap(module)
    assert type(module) is ModuleType


def test_the_reason_for_a_refusal_is_the_right_one(workshop: Any) -> None:
    file = workshop.version("plug_ins", {"apart.py": PLUGIN.format(n=1)}) / "apart.py"
    module = loaded_from(file, "apart", enter=False)
    with pytest.raises(bf.FreezeError, match=r"not the module of that name in sys\.modules"):
        bf.freeze_block(module)
    assert module.f() == 1

    class Runs:
        def create_module(self, spec: Any) -> None: ...

        def exec_module(self, module: ModuleType) -> None: ...

    spec = importlib.util.spec_from_loader("executed", Runs())  # type: ignore[arg-type]
    assert spec is not None
    finder: Any = type("Finder", (), {"find_spec": staticmethod(lambda name, *_: spec if name == "executed" else None)})
    sys.meta_path.append(finder)
    try:
        with pytest.raises(bf.FreezeError, match="'Runs', hands out no code"):
            bf.freeze_block("executed")
    finally:
        sys.meta_path.remove(finder)
    assert "executed" not in sys.modules


COG = "class Cog:\n    def m(self): return f()\ndef f(): return {n}\ndef setup(bot): bot.append(Cog())\n"


def load_in_place(name: str, bot: list[Any]) -> ModuleType:
    """Load an extension as hosts do that have a loader of their own."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    module.setup(bot)
    return module


@pytest.mark.parametrize("way", ["by name", "late", "by a pattern"])
def test_a_host_that_loads_a_module_in_place_reloads_the_block(workshop: Any, way: str) -> None:
    name = f"extension_{way.replace(' ', '_')}"
    file = workshop.write(f"{name}.py", COG.format(n=1))
    bot: list[Any] = []
    if way == "by a pattern":
        bf.install(name)
    if way != "by name":
        load_in_place(name, bot)
    frozen = bf.freeze_block(name)
    loaded = []
    for number in (1, 2, 3):
        file.write_text(COG.format(n=number))
        loaded.append(load_in_place(name, bot))
        assert {one.m() for one in bot} == {one.f() for one in (*loaded, frozen)} == {number}
    assert sys.modules[name] is frozen
    file.write_text(COG.format(n=4))
    report = bf.swap(loaded[1])
    assert {one.m() for one in bot} == {one.f() for one in (*loaded, frozen)} == {4}
    assert all(one.Cog is frozen.Cog for one in loaded)
    assert not report.unreached
    file.write_text("def f(:\n")
    with pytest.raises(bf.PrepareError):
        load_in_place(name, bot)
    assert sys.modules[name] is frozen
    assert {one.m() for one in bot} == {one.f() for one in (*loaded, frozen)} == {4}
    bf.rollback(frozen)
    assert {one.m() for one in bot} == {one.f() for one in (*loaded, frozen)} == {3}


def test_a_host_that_loads_a_member_in_place_reloads_its_package(workshop: Any) -> None:
    workshop.write("extended/__init__.py", "")
    workshop.write("extended/base.py", "def f(): return 1\n")
    workshop.write(
        "extended/cog.py", COG.format(n="f_of_base()").replace("class", "from .base import f as f_of_base\nclass", 1)
    )
    frozen = bf.freeze_block("extended")
    bot: list[Any] = []
    load_in_place("extended.cog", bot)
    workshop.write("extended/base.py", "def f(): return 2\n")
    again = load_in_place("extended.cog", bot)
    assert [one.m() for one in bot] == [2, 2]
    assert again.f() == frozen.cog.f() == 2


def test_the_report_names_a_module_that_has_taken_the_place_of_the_blocks(workshop: Any) -> None:
    frozen = workshop.freeze("displaced", COG.format(n=1))
    del sys.modules["displaced"]
    other = workshop.load("displaced")
    report = bf.swap(frozen, source=COG.format(n=2))
    assert (frozen.f(), other.f()) == (2, 1)
    assert "displaced" in [one.name for one in report.unreached]
    sys.modules["displaced"] = frozen
    assert not bf.swap(frozen, source=COG.format(n=3)).unreached


def test_a_module_that_its_loader_makes_of_objects_is_left_to_the_import_system(workshop: Any) -> None:
    text = """
        import sys
        from importlib.machinery import ModuleSpec
        from types import ModuleType
        class Finder:
            def find_spec(self, name, path, target=None):
                return ModuleSpec(name, self, is_package=True) if name == __name__ + ".moves" else None
            def create_module(self, spec):
                module = ModuleType(spec.name)
                module.quote = str.upper
                return module
            def exec_module(self, module): pass
            def get_code(self, name): return None
        __path__ = []
        sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "Finder"] + [Finder()]
        def quoted(text):
            from compatible.moves import quote
            return quote(text)
    """
    block = workshop.freeze("compatible", text)
    try:
        for _ in range(2):
            assert block.quoted("a") == "A"
            assert bf.status(block).members == ("compatible",)
            bf.swap(block)
        assert sys.modules["compatible.moves"].quote("b") == "B"
    finally:
        sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "Finder"]
        sys.modules.pop("compatible.moves", None)
