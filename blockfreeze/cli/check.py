"""`blockfreeze check`: what a freeze and a swap of modules would do, said before it is done.

The modules themselves are only read, unless another version is to be compared: then both are executed, in this
process. Exit status: 0 if the modules can be frozen (and swapped compatibly), 1 if not, 2 if the command could not run.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from blockfreeze.api import functions, ways_in
from blockfreeze.api.advising import advise
from blockfreeze.api.freeze import snapshot_of
from blockfreeze.cli.captures import find_captures
from blockfreeze.core.advice import WARNING
from blockfreeze.core.errors import ControlError, FreezeError, SwapError
from blockfreeze.core.forecast import Forecast
from blockfreeze.versions.effects import Survey
from blockfreeze.versions.module_source import covers


def run(
    modules: tuple[str, ...], against: str | None, programs: tuple[str, ...], *, as_json: bool, strict: bool = False
) -> int:
    """Run the check, print what it foretells, and return the exit status; if `strict`, warnings are 1 as well.

    Raises:
        ControlError: the program or the other version does not exist or cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        # `python -m blockfreeze` has it; the installed command has the directory of the command instead.
        sys.path.insert(0, here)
    found = forecast(modules, against, programs)
    print(json.dumps(found.to_json(), indent=2) if as_json else found)
    warned = strict and any(one.level == WARNING for one in found.advice)
    return 0 if found.passed and not warned else 1


def forecast(names: tuple[str, ...], against: str | None = None, programs: tuple[str, ...] = ()) -> Forecast:
    """Return what freezing `names` as one block would do.

    Args:
        against: a file or a directory; it is swapped in, in this process, in which the block stays frozen then.
        programs: modules to import first; what they hold of the block is listed.

    Raises:
        ControlError: a program or the other version does not exist or cannot be imported.
    """
    block = "+".join(names)
    if against is not None and not Path(against).exists():
        raise ControlError(f"{block}: cannot compare with {against!r}: there is no such file or directory; correct it")
    for program in programs:
        _import(program)
    try:
        found = _surveyed(block, names)
    except FreezeError as error:
        return Forecast(block, refused=error.reason)
    if programs:
        found = replace(found, captures=find_captures(found.members, lambda name: covers(names, name)))
    return found if against is None else _compared(found, names, Path(against))


def _import(program: str) -> None:
    try:
        importlib.import_module(program)
    except Exception as error:  # whatever a program raises: it is somebody else's
        raise ControlError(
            f"{program}: cannot be imported: {type(error).__name__}: {error}; name a module that can"
        ) from error


def _surveyed(block: str, names: tuple[str, ...]) -> Forecast:
    snapshot = snapshot_of(names)
    surveys: list[Survey] = []
    unreadable: list[str] = []
    for name, source in sorted(snapshot.modules.items()):
        try:
            surveys.append(Survey(source, lambda one: covers(names, one)))
        except (SyntaxError, ValueError, ImportError) as error:
            reason = f"{type(error).__name__}: {error}"
            if name in names:
                raise FreezeError(f"{name}: cannot be compiled: {reason}", module=name, reason=reason) from error
            unreadable.append(f"{name}: {reason}")
    return Forecast(
        block,
        members=tuple(one.name for one in surveys),
        bound=tuple(name for one in surveys for name in one.bound),
        unbound=tuple(name for one in surveys for name in one.unbound),
        kept=tuple(name for one in surveys for name in sorted(one.kept)),
        made_again=tuple(made for one in surveys for made in one.made_again),
        runs_again=tuple(ran for one in surveys for ran in one.runs_again),
        asks_for_callers=tuple(name for one in surveys for name in one.asks_for_callers),
        without_source=tuple(one.name for one in surveys if not one.has_source),
        unreadable=tuple(unreadable),
    )


def _compared(found: Forecast, names: tuple[str, ...], source: Path) -> Forecast:
    try:
        with suppress(OSError, ValueError):  # whoever builds the version says so
            found = replace(found, advice=advise(*names, source=source))
        module = ways_in.freeze_block(*names)
        return replace(found, against=functions.swap(module, source=source))
    except FreezeError as error:
        return replace(found, refused=error.reason)
    except SwapError as error:
        return replace(found, against_refused=str(error))
