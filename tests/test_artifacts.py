"""Artifacts: a release in one file, linked before; what is not as it has to be is refused before any of it runs."""

from __future__ import annotations

import inspect
import io
import os
import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import given, settings
from hypothesis import strategies as st

import blockfreeze as bf
from blockfreeze.building import link_cache
from blockfreeze.cli.command_line import main
from blockfreeze.releases.artifact import MANIFEST, SIGNATURE, Artifact, this_python, written
from blockfreeze.releases.keys import KEYS, OLDEST, Trust, configured
from blockfreeze.releases.refusal import ReleaseRefusedError

PARTS = """
def frob(a):
    return (a,) * {number}

def bar(them):
    return len(them), {number}

def fails():
    raise LookupError({number})
"""


@pytest.fixture
def srv(workshop: Workshop) -> Path:
    for number in (1, 2):
        files = {
            "shop/__init__.py": "from .parts import frob, bar, fails\ndef foo(a): return bar(frob(a))\n",
            "shop/parts.py": PARTS.format(number=number),
            "shop/notes.txt": f"notes {number}\n",
        }
        workshop.version(f"srv/r{number}", files)
    return workshop.path.parent / "srv"


def make(srv: Path, number: int, *options: str) -> Path:
    """Compile a release by the command line, and return the artifact."""
    file = srv / f"r{number}.bf"
    assert main(["compile", "shop", "--source", str(srv / f"r{number}"), "-o", str(file), *options]) == 0
    return file


def test_an_artifact_is_a_release(srv: Path) -> None:
    shop = bf.freeze_block("shop", release=make(srv, 1))
    assert shop.foo(1) == (1, 1)
    report = bf.swap(shop, release=make(srv, 2, "--label", "r42"))
    assert (shop.foo(1), report.label, report.release) == ((2, 2), "r42", str(srv / "r2.bf"))
    assert [one.label for one in bf.status(shop).generations] == ["r1", "r42"]
    with pytest.raises(LookupError) as raised:
        shop.fails()
    assert traceback.extract_tb(raised.value.__traceback__)[-1].line == "raise LookupError(2)"
    assert inspect.getsource(shop.parts.frob) == "def frob(a):\n    return (a,) * 2\n"
    loader: Any = shop.__loader__
    assert loader.get_data(str(srv / "r2.bf" / "shop" / "notes.txt")) == b"notes 2\n"


def test_loading_one_links_nothing(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make(srv, 1), make(srv, 2)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was linked")

    for name in ("analyse", "link", "_linked_now"):
        monkeypatch.setattr(link_cache, name, refuse)
    shop = bf.freeze_block("shop", release=first)
    bf.swap(shop, release=second)
    assert shop.foo(1) == (2, 2)


def test_the_hash_is_that_of_the_directory(srv: Path) -> None:
    shop = bf.freeze_block("shop", release=make(srv, 1))
    by_directory = bf.swap(shop, release=srv / "r2").source_hash
    bf.rollback(shop)
    assert bf.swap(shop, release=make(srv, 2), expect_hash=by_directory).source_hash == by_directory


def test_the_same_release_gives_the_same_bytes(srv: Path, workshop: Workshop) -> None:
    first = make(srv, 1).read_bytes()
    (srv / "elsewhere").mkdir()
    (srv / "r1" / "shop").rename(srv / "elsewhere" / "shop")
    for file in (srv / "elsewhere" / "shop").iterdir():
        os.utime(file, (1e9, 1e9))
    assert main(["compile", "shop", "--source", str(srv / "elsewhere"), "-o", str(srv / "again.bf")]) == 0
    assert (srv / "again.bf").read_bytes() == first


def test_the_manifest_says_what_changed(srv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = make(srv, 2, "--against", str(srv / "r1"), "--serial", "7")
    assert Artifact(file, Trust()).changes == {"added": [], "removed": [], "changed": ["shop/parts.py"]}
    capsys.readouterr()
    assert main(["verify", str(file)]) == 0
    text = capsys.readouterr().out
    assert "serial 7" in text
    assert "changed: shop/parts.py" in text
    assert main(["verify", str(file), "--json"]) == 0


def test_what_cannot_be_compiled_says_why(srv: Path, workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    workshop.version("srv/torn", {"shop.py": "def foo(:\n"})
    for source in ("torn", "r1/shop/nothing"):
        (srv / source).mkdir(exist_ok=True)
        arguments = ["compile", "shop", "--source", str(srv / source), "-o", str(srv / "x.bf")]
        assert main(arguments) == 2
        assert "shop: not compiled:" in capsys.readouterr().err
    assert not (srv / "x.bf").exists()


def changed(file: Path, **instead: bytes | None) -> None:
    """Write an artifact anew with other members, and the manifest as it was."""
    with zipfile.ZipFile(file) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    for name, content in instead.items():
        if content is None:
            del members[name]
        else:
            members[name] = content
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    file.write_bytes(target.getvalue())


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("text", "is not what the manifest says"),
        ("linked", "is not what the manifest says"),
        ("added", "its members are not those of the manifest"),
        ("removed", "its members are not those of the manifest"),
        ("truncated", "it is damaged"),
        ("manifest", "it is damaged"),
        ("format", "its format is 99"),
        ("python", "it is for cpython-27, and this is"),
    ],
)
def test_what_is_not_as_it_has_to_be_is_refused(srv: Path, how: str, why: str) -> None:
    shop = bf.freeze_block("shop", release=srv / "r1")
    file = make(srv, 2)
    found = Artifact(file, Trust())
    linked = next(name for name in found.files if name.startswith("linked/"))
    manifest = zipfile.ZipFile(file).read(MANIFEST)
    if how == "truncated":
        file.write_bytes(file.read_bytes()[:-40])
    else:
        changed(
            file,
            **{
                "text": {"shop/parts.py": b"raise SystemExit\n"},
                "linked": {linked: b"\0" * 40},
                "added": {"shop/more.py": b"raise SystemExit\n"},
                "removed": {"shop/parts.py": None},
                "manifest": {MANIFEST: b"{"},
                "format": {MANIFEST: manifest.replace(b'"format": 1', b'"format": 99')},
                "python": {MANIFEST: manifest.replace(f'"{this_python()}"'.encode(), b'"cpython-27"')},
            }[how],
        )
    with pytest.raises(bf.PrepareError) as refused:
        bf.swap(shop, release=file)
    assert (refused.value.phase, shop.foo(1)) == ("read", (1, 1))
    assert why in str(refused.value)
    assert main(["verify", str(file)]) == 1


def test_what_another_reader_of_zip_files_finds_is_compared_too(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = bf.freeze_block("shop", release=srv / "r1")
    file = make(srv, 2)
    from zipimport import zipimporter

    read = zipimporter.get_data
    monkeypatch.setattr(zipimporter, "get_data", lambda self, path: read(self, path) + b"raise SystemExit\n")
    with pytest.raises(bf.PrepareError, match="was read otherwise than the manifest says"):
        bf.swap(shop, release=file)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A private key, and the directory of public ones that has its public half."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    (tmp_path / "trusted").mkdir()
    for name, place in (("mine", tmp_path / "trusted"), ("other", tmp_path)):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / f"{name}.pem").write_bytes(private)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (place / f"{name}.pub").write_bytes(public)
    return tmp_path


@pytest.mark.needs_signatures
def test_where_there_are_keys_only_what_they_have_signed_is_loaded(
    srv: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = bf.freeze_block("shop", release=srv / "r1")
    signed = make(srv, 2, "--sign", str(keys / "mine.pem"))
    again = signed.read_bytes()
    assert make(srv, 2, "--sign", str(keys / "mine.pem")).read_bytes() == again
    monkeypatch.setenv(KEYS, str(keys / "trusted"))
    assert bf.swap(shop, release=signed).label == "r2"
    bf.rollback(shop)
    changed(signed, **{SIGNATURE: b"\0" * 64})
    others = make(srv, 1, "--sign", str(keys / "other.pem"))
    for release in (signed, others, make(srv, 1), srv / "r2"):
        with pytest.raises(bf.PrepareError, match=r"no key of BLOCKFREEZE_KEYS has signed it|is no artifact"):
            bf.swap(shop, release=release)
    assert shop.foo(1) == (1, 1)


@pytest.mark.needs_signatures
def test_keys_that_cannot_be_read_let_nothing_in(srv: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = bf.freeze_block("shop", release=srv / "r1")
    (keys / "trusted" / "odd.pub").write_text("no key", encoding="utf-8")
    for place in (keys / "trusted", keys / "nowhere", keys / "mine.pem"):
        monkeypatch.setenv(KEYS, str(place))
        with pytest.raises(bf.PrepareError, match="cannot be read"):
            bf.swap(shop, release=make(srv, 2))


def test_what_is_older_than_is_allowed_is_refused(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = bf.freeze_block("shop", release=srv / "r1")
    monkeypatch.setenv(OLDEST, "5")
    assert bf.swap(shop, release=make(srv, 2, "--serial", "5")).label == "r2"
    with pytest.raises(bf.PrepareError, match="its serial number is 4, and BLOCKFREEZE_OLDEST asks for 5"):
        bf.swap(shop, release=make(srv, 1, "--serial", "4"))
    monkeypatch.setenv(OLDEST, "many")
    with pytest.raises(ReleaseRefusedError, match="'many', which is no number"):
        configured()


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_is_changed_in_an_artifact_it_is_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = written(["shop"], {"shop.py": b"def foo(): return 1\n"}, {this_python(): {}}, label="x")
    place = tmp_path_factory.getbasetemp() / "changed.bf"
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    place.write_bytes(content)
    try:
        found = Artifact(place, Trust())
    except ReleaseRefusedError:
        return
    assert found.content("shop.py") == b"def foo(): return 1\n"


@pytest.mark.needs_subprocess
def test_an_artifact_may_be_for_several_pythons(srv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    file = make(srv, 1, "--python", sys.executable)
    assert Artifact(file, Trust()).linked.keys() == {this_python()}
    assert main(["compile", "shop", "--source", str(srv / "r1"), "-o", "x", "--python", "/bin/false"]) == 2
