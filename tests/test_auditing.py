"""`audit`: known vulnerabilities of what running processes have loaded, and which fixes can be applied hot."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from operated import Operated
from packaging.version import Version
from test_upgrading import PROGRAM, upgrade, write_distribution

from blockfreeze.cli import auditing, upgrading
from blockfreeze.cli.advisories import fix_for, read_advisories
from blockfreeze.cli.command_line import main
from blockfreeze.core.errors import ControlError

pytestmark = [pytest.mark.needs_subprocess, pytest.mark.needs_sockets]


def advisory(
    identity: str = "GHSA-1",
    name: str = "tally",
    events: list[dict[str, str]] | None = None,
    ecosystem: str = "PyPI",
    **fields: Any,
) -> dict[str, Any]:
    """Return an advisory of a package, which the versions 0 to 1.1 have if nothing else is said."""
    ranges = [{"type": "ECOSYSTEM", "events": events or [{"introduced": "0"}, {"fixed": "1.1"}]}]
    affected = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": ranges,
        "versions": fields.pop("versions", []),
    }
    return {"id": identity, "summary": "a hole", "aliases": ["CVE-2024-1"], "affected": [affected], **fields}


def read(place: Path, *entries: Any) -> list[Any]:
    (place / "osv.json").write_text(json.dumps(list(entries)), encoding="utf-8")
    return read_advisories([place / "osv.json"], {"tally"}).get("tally", [])


TWO_BRANCHES = [{"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"fixed": "2.3"}]


@pytest.mark.parametrize(
    ("events", "affected", "safe"),
    [
        ([{"introduced": "0"}, {"fixed": "1.1"}], ["0.1", "1.0", "1.1rc1"], ["1.1", "2"]),
        ([{"introduced": "0"}], ["0.1", "9"], []),
        ([{"introduced": "1.0"}, {"last_affected": "1.2"}], ["1.0", "1.2"], ["0.9", "1.2.1"]),
        (TWO_BRANCHES, ["1.4", "2.0", "2.2.9"], ["1.5", "1.9", "2.3"]),
        ([*reversed(TWO_BRANCHES)], ["1.4", "2.0", "2.2.9"], ["1.5", "1.9", "2.3"]),
        ([{"introduced": "0"}, {"fixed": "1.10"}], ["1.9"], ["1.10", "1.11"]),
        ([{"introduced": "0"}, {"fixed": "no version"}, {"fixed": "1.1"}], ["1.0"], ["1.1"]),
    ],
)
def test_versions_are_affected_as_the_schema_says(
    tmp_path: Path, events: list[dict[str, str]], affected: list[str], safe: list[str]
) -> None:
    (one,) = read(tmp_path, advisory(events=events))
    assert [text for text in [*affected, *safe] if one.affects(Version(text))] == affected


def test_listed_versions_count_and_what_is_withdrawn_or_of_others_does_not(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        advisory(events=[{"introduced": "8"}], versions=["1.0", "1.0.post1"]),
        advisory("GHSA-2", withdrawn="2024-01-01T00:00:00Z"),
        advisory("GHSA-3", ecosystem="npm"),
        advisory("GHSA-4", name="other"),
    )
    assert [one.affects(Version(text)) for text in ("1.0", "1.0.0", "1.0.post1", "1.1", "8")] == [1, 1, 1, 0, 1]
    assert one.name == "CVE-2024-1"


def test_the_fix_is_the_lowest_version_without_any_of_the_holes(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        advisory("A", events=TWO_BRANCHES),
        advisory("B", events=[{"introduced": "1.4"}, {"fixed": "1.6"}]),
        advisory("C", events=[{"introduced": "3"}]),
    )
    assert fix_for(Version("1.3"), found) == Version("1.6")
    assert fix_for(Version("2.1"), found) == Version("2.3")
    assert fix_for(Version("3.1"), found) is None


def test_advisories_are_read_from_directories_zip_files_and_lists(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.json").write_text(json.dumps(advisory("A")))
    (tmp_path / "two.json").write_text(json.dumps({"vulns": [advisory("B"), advisory("A")]}))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as content:
        content.writestr("C.json", json.dumps(advisory("C", name="Tally")))
        content.writestr("readme.txt", "no JSON")
    found = read_advisories([tmp_path], {"tally"})["tally"]
    assert sorted(one.identity for one in found) == ["A", "B", "C"]


@pytest.mark.parametrize(
    "text", ["(", "3", '{"vulns": [3]}', '[{"affected": []}]', '{"id": 1, "affected": [{"package": 3}]}']
)
def test_what_is_not_in_that_format_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(ControlError, match=r"wrong\.json: it is not in OSV's format"):
        read_advisories([tmp_path], {"tally"})


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    """A program that uses `tally` 1.0 as a block, and `plain` 1.0 as it is; `unused` 1.0 is installed."""
    for name in ("tally", "plain", "unused"):
        monkeypatch.syspath_prepend(write_distribution(tmp_path / "installed", "1.0", name=name))
    (tmp_path / "deps").mkdir()
    (tmp_path / "program.py").write_text(f"import plain\n{PROGRAM}", encoding="utf-8")
    run = ["--block", "tally", "--releases", str(tmp_path / "deps")]
    with Operated(tmp_path, ["program.py"], run=run, talks=True) as found:
        assert found.talk() == "('1.0', 1)"
        yield found


def audited(service: Operated, *entries: Any, status: int, options: tuple[str, ...] = ()) -> dict[str, Any]:
    (service.releases / "osv.json").write_text(json.dumps(list(entries)), encoding="utf-8")
    found = service.json("audit", "--osv", str(service.releases / "osv.json"), *options, status=status)
    return {one["package"]: one for one in found["findings"]}


def test_a_fix_that_fits_is_offered_and_its_command_closes_the_hole(
    service: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [advisory("A", name=name) for name in ("tally", "plain", "unused")]
    write_distribution(service.releases / "deps", "1.1")
    found = audited(service, *entries, status=1)
    assert set(found) == {"tally", "plain"}
    assert found["tally"]["vulnerabilities"] == ["CVE-2024-1"]
    assert (found["tally"]["hot"], found["tally"]["command"]) == (True, "blockfreeze upgrade tally==1.1")
    assert (found["plain"]["hot"], found["plain"]["fix"]) == (False, "1.1")
    assert "it is no block; start the program with `blockfreeze run --block plain" in found["plain"]["obstacles"][0]
    assert upgrade(service, found["tally"]["command"].split()[-1]) == 0
    assert set(audited(service, *entries, status=1)) == {"plain"}
    assert audited(service, entries[0], status=0) == {}
    capsys.readouterr()
    arguments = ["audit", "--osv", str(service.releases / "osv.json"), "--directory", service.sockets]
    assert main(arguments) == 0
    assert "in 1 processes: 0 with known vulnerabilities, 0 of which can be mended hot" in capsys.readouterr().out


def test_what_others_ask_for_is_an_obstacle(service: Operated) -> None:
    found = audited(service, advisory(name="packaging", events=[{"introduced": "0"}, {"fixed": "9999"}]), status=0)
    assert not found  # it is not loaded there
    write_distribution(service.releases / "installed", "2.0", needs="tally<1.1", name="unused2")
    found = audited(service, advisory(events=[{"introduced": "0"}]), status=1)
    assert found["tally"]["obstacles"] == ["no version without it is known"]


def test_a_forecast_says_what_the_fix_would_change(service: Operated) -> None:
    place = write_distribution(service.releases / "deps", "1.1")
    (place / "tally.py").write_text("def count(text, more): return '1.1'\ndef new(): pass\n")
    options = ("--forecast", str(service.releases / "deps"))
    (found,) = audited(service, advisory(), status=1, options=options).values()
    assert found["hot"]
    assert found["forecast"].splitlines()[0] == "tally: 1 added, 0 removed, 1 changed"
    assert "incompatible: tally.count" in found["forecast"]
    assert service.talk() == "('1.0', 1)"
    (place / "tally-1.1.dist-info" / "METADATA").write_text("Name: tally\nVersion: 1.1\nRequires-Dist: click<1\n")
    (found,) = audited(service, advisory(), status=1, options=options).values()
    assert (found["hot"], found["obstacles"]) == (False, ["it needs click<1, which is not installed"])


def test_processes_that_differ_have_a_status_of_their_own(
    service: Operated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = upgrading.environments_at(Path(service.sockets))
    package = replace(found[0].packages["tally"], runs="1.1")
    others = [replace(found[0], pid=1, packages={"tally": package})]
    monkeypatch.setattr(auditing, "environments_at", lambda place: ([*found, *others], told))
    assert audited(service, advisory(), status=3)["tally"]["processes"] == [found[0].pid]
    monkeypatch.setattr(auditing, "environments_at", lambda place: (others, told))
    assert audited(service, advisory(), status=0) == {}


PIP_AUDIT = """#!{python}
import json, pathlib, sys
wanted = pathlib.Path(sys.argv[-1]).read_text().split()
assert "tally==1.0" in wanted, wanted
vulnerability = {{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": ["CVE-2024-9"], "description": "a hole"}}
skipped = {{"name": "x", "skip_reason": "y"}}
print(json.dumps({{"dependencies": [{{"name": "tally", "version": "1.0", "vulns": [vulnerability]}}, skipped]}}))
sys.exit(1)
"""


def test_pip_audit_is_asked_where_it_is(
    service: Operated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    arguments = ["audit", "--pip-audit", "--directory", service.sockets]
    assert main(arguments) == 2
    assert "pip-audit is not installed here" in capsys.readouterr().err
    program = tmp_path / "bin" / "pip-audit"
    program.write_text(PIP_AUDIT.format(python=sys.executable))
    program.chmod(0o755)
    told = service.json("audit", "--pip-audit", status=1)
    (found,) = told["findings"]
    assert told["not_audited"] == {"x": "y"}
    assert (found["vulnerabilities"], found["fix"], found["hot"]) == (["CVE-2024-9"], "1.1", True)
    program.write_text(f"#!{sys.executable}\nimport sys; sys.exit('no network')\n")
    assert main(arguments) == 2
    assert "pip-audit has found nothing out: no network" in capsys.readouterr().err
    # So it answers where its service cannot be reached, with the exit status 0.
    skipped = {"dependencies": [{"name": "tally", "skip_reason": "not found on PyPI"}], "fixes": []}
    for answer, why in ((skipped, "not found on PyPI"), ([], "TypeError"), ({"dependencies": [{}]}, "KeyError")):
        program.write_text(f"#!{sys.executable}\nprint({json.dumps(answer)!r})\n")
        assert main(arguments) == 2
        assert f"pip-audit has found nothing out: {why}" in capsys.readouterr().err


def test_without_advisories_or_processes_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 2
    assert "no advisories were named; say --osv" in capsys.readouterr().err
    (tmp_path / "osv.json").write_text("[]")
    assert main(["audit", "--osv", str(tmp_path / "osv.json"), "--directory", str(tmp_path)]) == 2
    assert "start the service with `blockfreeze run`" in capsys.readouterr().err
