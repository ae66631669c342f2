"""Types of arguments: numbers within limits, how many of several, and names of blocks that are completed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blockfreeze.control.place import VARIABLE, default_directory
from blockfreeze.coordination.processes import SocketProcesses, told_by
from blockfreeze.core.errors import ControlError
from blockfreeze.fleet.plan import Stage

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]  # generic for type checkers alone, before click 8.4
else:
    ParamType = click.ParamType

DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help=f"Where the control sockets are.  [default: ${VARIABLE}, or the user's]",
)


class Between(ParamType):
    """A number from `least` to `most`."""

    name = "number"

    def __init__(self, kind: Callable[[Any], float], least: float, most: float) -> None:
        self._kind = kind
        self._least = least
        self._most = most

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Return the number that was written."""
        try:
            found = self._kind(value)
        except (ValueError, TypeError):
            self.fail(f"{value!r} is no number", parameter, context)
        if not self._least <= found <= self._most:
            self.fail(f"{value} is not between {self._least:g} and {self._most:g}", parameter, context)
        return found


SECONDS = Between(float, 0, 3600)


class Share(ParamType):
    """How many of several processes: a number, or a part of them in percent, rounded up."""

    name = "n|p%"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Callable[[int], int]:
        """Return what tells how many processes of so many are meant."""
        if callable(value):
            return value  # type: ignore[no-any-return]
        written = str(value).strip()
        part = number = 0.0
        with suppress(ValueError):
            part, number = (float(written[:-1]), 0) if written.endswith("%") else (0.0, int(written))
        if not 0 < part <= 100 and number <= 0:
            self.fail(
                f"{value!r} is neither a number of processes, as in 1, nor a part of them, as in 10%",
                parameter,
                context,
            )
        return lambda count: math.ceil(count * part / 100) if part else min(count, int(number))


class Part(ParamType):
    """A part of a fleet: what `Share` takes, or the name of a host."""

    name = "n|p%|host"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Stage:
        """Return the stage that this part is."""
        if isinstance(value, Stage):
            return value
        written = str(value).strip()
        if not written or written[:1] in "-0123456789":
            return Stage(written, count=Share().convert(written, parameter, context))
        return Stage(written, host=written)


class Parts(ParamType):
    """Parts of a fleet, one after the other, as in ``1,10%,all``."""

    name = "part,part,..."

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[Stage, ...]:
        """Return the stages; all, which is what follows the last one, is none."""
        if isinstance(value, tuple):
            return value
        written = [one.strip() for one in str(value).split(",")]
        return tuple(Part().convert(one, parameter, context) for one in written if one not in ("", "all", "100%"))


class Depth(ParamType):
    """What a picture draws: each definition, each module, or packages by so many parts of their names."""

    name = "depth"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str | int:
        """Return the word, or the number of parts."""
        written = str(value)
        if written in ("definition", "module"):
            return written
        if not written.isdecimal() or not int(written):
            self.fail(f"{value!r} is neither 'definition', 'module' nor a number of parts, as in 2", parameter, context)
        return int(written)


def complete_block(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of blocks of running processes that begin so, for the shell."""
    place = context.params.get("directory") or context.lookup_default("directory") or default_directory()
    try:
        links = SocketProcesses(Path(os.path.abspath(place))).find()
    except (ControlError, OSError):
        return []
    replies = told_by(links).values()
    names = {told["block"] for reply in replies for told in reply.get("blocks", ())}
    return sorted(name for name in names if name.startswith(incomplete))
