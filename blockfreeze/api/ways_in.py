"""The ways in: a module becomes a block by its name, as a module, by a decorator inside it, or by a pattern."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any, TypeVar, overload

from blockfreeze.api import freeze, opening, registry
from blockfreeze.api.following import PathGiven
from blockfreeze.core.imported import is_being_imported
from blockfreeze.dispatch.caller_view import skipped
from blockfreeze.model.records import Options

F = TypeVar("F", bound=Callable[..., Any])


@overload
def freeze_block(
    module: str | ModuleType,
    /,
    *more: str | ModuleType,
    entry_points: Iterable[str] = (),
    patchable: bool = False,
    inline: bool = False,
    history: int = 2,
    linger_warning: float | None = 60.0,
    release: PathGiven | None = None,
) -> ModuleType: ...


@overload
def freeze_block(module: F, /) -> F: ...


@skipped
def freeze_block(
    module: Any,
    /,
    *more: str | ModuleType,
    entry_points: Iterable[str] = (),
    patchable: bool = False,
    inline: bool = False,
    history: int = 2,
    linger_warning: float | None = 60.0,
    release: PathGiven | None = None,
) -> Any:
    """Make one block of a module or package, or of several, and return the (first) module.

    Called with a name, it imports the module as a block: its body runs once, linked. Called with a module that is
    imported already it runs the body once more, as ``importlib.reload`` would, and what others took from it keeps its
    identity. On a top-level function, as a decorator, it freezes the function's module as soon as that has been
    imported, and the function is an entry point; ``freeze_block(__name__)`` inside a module does the same. Freezing
    twice is harmless: the options of the first time hold.

    Args:
        module: a name, a module, or (as a decorator) a function.
        more: further modules of the same block.
        entry_points: names that must exist; they are listed first by `status`.
        patchable: let definitions be set through the module, as `unittest.mock.patch` does.
        inline: put small functions of a module into their callers, see `inline`. What is lost is their frames.
        history: how many generations are kept, the current one included.
        linger_warning: tell by the event `Lingers`, and a warning in the log, of calls that have not ended so many
            seconds after their version was left; never if None.
        release: a release pointer (a symbolic link, or a file with the path of a release), or a release itself: the
            block is what it leads to, whatever imports would find. A swap without a source follows the pointer.

    Returns:
        the module (which is ``sys.modules[name]``), or the function that was decorated.

    Raises:
        FreezeError: it cannot be frozen; nothing was changed.
    """
    freeze.refuse_unknown(_name_of(module))
    if isinstance(module, FunctionType):
        _freeze_module_of(module)
        return module
    names = tuple(dict.fromkeys(_name_of(one) for one in (module, *more)))

    @skipped
    def freeze_now() -> ModuleType:
        pointer = None if release is None else os.path.abspath(release)
        return freeze.freeze(
            names, tuple(entry_points), Options(patchable, inline, max(1, history), linger_warning), pointer
        )

    frame = sys._getframe(1)
    running = sys.modules.get(names[0])
    if running is not None and vars(running) is frame.f_globals and is_being_imported(running):
        if registry.covering(names[0]) is None:
            freeze.freeze_from_inside(frame, names[0], freeze_now)
        return running
    return freeze_now()


def _name_of(module: Any) -> str:
    if isinstance(module, str):
        if not module:
            raise freeze.freeze_error("''", "the name is empty", "give a module's name")
        return module
    if isinstance(module, ModuleType):
        name = module.__name__
        if sys.modules.get(name) is not module:
            raise freeze.freeze_error(
                name, "it is not the module of that name in sys.modules", "import it first, or enter it there"
            )
        return name
    return getattr(module, "__module__", None) or repr(module)


def _freeze_module_of(function: FunctionType) -> None:
    name = function.__module__
    block = registry.covering(name)
    if block is not None:
        block.declared_entries.add(function.__qualname__)
        return
    if name == "__main__":
        freeze.freeze((name,))
    if "<locals>" in function.__qualname__:
        raise freeze.freeze_error(
            name, f"the function {function.__qualname__!r} is not at its top level", "decorate a top-level function"
        )
    frame = sys._getframe(2)
    if frame.f_globals is not function.__globals__ or frame.f_code.co_name != "<module>":
        raise freeze.freeze_error(name, "its body is not running", "call freeze_block with the module's name")
    freeze.freeze_from_inside(frame, name, lambda: freeze.freeze((name,), (function.__name__,)))


def install(*patterns: str, release: PathGiven | None = None) -> None:
    """Make a block of each module whose name matches one of `patterns`, when it is imported.

    A pattern is a name or has wildcards as in a shell: ``"shop"``, ``"billing.*"``. A package that matches is one block
    with everything in it. Modules that are imported already are left as they are. One that is loaded later without
    asking the import system (`importlib.util.spec_from_file_location`) becomes a block when it is first treated as one.

    Args:
        patterns: names of modules, or patterns of names.
        release: as for `freeze_block`: where the modules come from that match. A module that is not there cannot be
            imported.

    Raises:
        FreezeError: a pattern is empty, or matches every module, or nothing can be frozen in this interpreter.
    """
    freeze.refuse_unknown(", ".join(patterns))
    for pattern in patterns:
        if not pattern or pattern.partition(".")[0] in ("*", "?*", "*?"):
            raise freeze.freeze_error(repr(pattern), "the pattern would match every module", "name your own packages")
    opening.install_patterns(patterns, None if release is None else os.path.abspath(release))
