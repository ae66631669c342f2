"""Where code comes from: how text is encoded, who compiles it, and which module is named when that fails."""

from __future__ import annotations

import importlib.machinery
import linecache
import traceback
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
