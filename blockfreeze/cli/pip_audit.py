"""Asking pip-audit, where it is installed: it asks a service which vulnerabilities packages have."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from blockfreeze.cli.advisories import Advisory
from blockfreeze.core.errors import ControlError

_PATIENCE = 300.0
"""How long it may take, in seconds."""

_OPTIONS = ("--format", "json", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-r")


def ask_pip_audit(versions: Iterable[tuple[str, str]]) -> tuple[dict[str, list[Advisory]], dict[str, str]]:
    """Return what pip-audit says of packages, and of which of them it has found nothing out, with its reasons.

    Where its service cannot be reached it may say so of every package, and that no vulnerabilities are known.

    Args:
        versions: names and versions.

    Raises:
        ControlError: it is not installed, did not get an answer, or has found nothing out about any of them.
    """
    program = shutil.which("pip-audit")
    if program is None:
        raise ControlError("pip-audit is not installed here; install it, or say --osv with data from https://osv.dev")
    with tempfile.TemporaryDirectory() as work:
        wanted = Path(work, "requirements.txt")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in sorted(versions)), encoding="utf-8")
        ran: subprocess.CompletedProcess[str] | None = None
        try:
            ran = subprocess.run(
                [program, *_OPTIONS, str(wanted)], check=False, capture_output=True, text=True, timeout=_PATIENCE
            )
            advisories, skipped = _understood(json.loads(ran.stdout))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.TimeoutExpired) as error:
            said = ran.stderr.strip()[-300:] if ran is not None else ""
            raise _nothing_found(said or f"{type(error).__name__}: {error}") from error
    if skipped and not advisories:
        raise _nothing_found(next(iter(skipped.values())))
    return {name: ones for name, ones in advisories.items() if ones}, skipped


def _nothing_found(why: str) -> ControlError:
    return ControlError(f"pip-audit has found nothing out: {why}; say --osv instead, with data from https://osv.dev")


def _understood(read: Any) -> tuple[dict[str, list[Advisory]], dict[str, str]]:
    """Return what was found of each package that was looked for, and what was skipped."""
    found: dict[str, list[Advisory]] = {}
    skipped: dict[str, str] = {}
    for one in read["dependencies"]:
        name = canonicalize_name(one["name"])
        if "skip_reason" in one:
            skipped[name] = str(one["skip_reason"])
            continue
        advisories = found.setdefault(name, [])
        for vulnerability in one["vulns"]:
            fixes = tuple((Version(fix), "fixed") for fix in vulnerability["fix_versions"])
            aliases, text = tuple(vulnerability.get("aliases", ())), vulnerability.get("description", "")
            listed = frozenset({Version(one["version"])})
            advisories.append(Advisory(vulnerability["id"], aliases, text, listed, (fixes,)))
    return found, skipped
