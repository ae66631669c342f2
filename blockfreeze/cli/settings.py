"""Defaults for the command line from ``[tool.blockfreeze]`` of the nearest `pyproject.toml`.

A key is the name of an option, and holds for every command that has it; in a table ``[tool.blockfreeze.swap]`` it holds
for that command alone. What `run` starts with is no default for what `swap` goes to, so `release` is for `run` alone
unless it stands in a command's table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from blockfreeze.core.errors import ControlError


def defaults_for(commands: Mapping[str, Collection[str]], start: Path) -> dict[str, dict[str, Any]]:
    """Return the defaults of each command, by the names of its options.

    Args:
        commands: the options of each command.
        start: the directory in which, or above which, the `pyproject.toml` is.

    Raises:
        ControlError: the file cannot be read, or names an option that there is not.
    """
    file = next((one for place in (start, *start.parents) if (one := place / "pyproject.toml").is_file()), None)
    if file is None:
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("blockfreeze", {})
    except (OSError, ValueError) as error:
        raise ControlError(f"{file}: it cannot be read: {error}; correct it") from error
    found: dict[str, dict[str, Any]] = {command: {} for command in commands}
    for key, value in _flat(table, commands):
        option = key[-1].replace("-", "_")
        named = [key[0]] if len(key) == 2 else [one for one, options in commands.items() if option in options]
        if len(key) == 1 and option == "release":
            named = ["run"]
        if not named or any(option not in commands[command] for command in named):
            raise ControlError(f"{file}: [tool.blockfreeze] has {'.'.join(key)!r}, which is no option; correct it")
        for command in named:
            if len(key) == 2 or option not in found[command]:
                found[command][option] = value
    return found


def _flat(table: Mapping[str, Any], commands: Collection[str]) -> list[tuple[tuple[str, ...], Any]]:
    """Return the keys and values; those of a command's table come last, as they overrule."""
    outer = [((key,), value) for key, value in table.items() if not (key in commands and isinstance(value, dict))]
    inner = [
        ((command, key), value)
        for command, inside in table.items()
        if command in commands and isinstance(inside, dict)
        for key, value in inside.items()
    ]
    return [*outer, *inner]
