"""Lazy imports (PEP 810, CPython 3.15): what a member imports lazily is resolved in its own generation, whenever it is.

CPython resolves a lazy import where its name is used first: in a function of the block, or outside, through the module.
It calls the ``__import__`` of the built-ins that the import statement saw, which here belongs to the generation. So it
makes no difference who comes first, nor when: an import that is resolved after a swap, by a call that lingers or by
what somebody holds, means the modules of the version whose statement it is.

Threads: any thread may resolve an import, and several the same one.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Iterable
from typing import Any, Final

from blockfreeze.building.member_import import load_imported
from blockfreeze.core.safe_access import ABSENT
from blockfreeze.dispatch.caller_view import hidden_file, skipped
from blockfreeze.dispatch.lazy_names import LAZY, resolved
from blockfreeze.dispatch.vector import call_in
from blockfreeze.linking.laziness import imports_are_lazy
from blockfreeze.model.block import Generation, Member

_READ_OFF_THE_IMPORTER: Final = ("__name__", "__package__", "__spec__", "__path__")


_PROMISE: Final = compile("_[0].append(_[1](*_[2]))", hidden_file(__file__), "exec")


class _Name(str):
    """The name of a module that is promised to a later generation.

    When CPython promises a name of a module that is loaded, it takes at once what it finds in the module's dictionary,
    which is that of the block's first generation. So it is not to find the module in the dictionary of modules.
    """

    __slots__ = ("is_promised",)

    is_promised: bool

    def __hash__(self) -> int:
        return id(self) if getattr(self, "is_promised", False) else str.__hash__(self)


class _Found:
    """What CPython takes the name from that it looks for, as it would from the module."""


class LazyImports:
    """The lazy imports of one member of one generation."""

    def __init__(self, generation: Generation, member: Member) -> None:
        self._generation = generation
        self._member = member
        self._builtins = {"__import__": self._resolve}

    @skipped
    def promise(self, fromlist: tuple[str, ...] | None, name: str, level: int) -> Any:
        """Return what stands for a module of the block until it is used; `ABSENT` if a filter wants it at once."""
        namespace = self._member.namespace
        importer: dict[str, Any] = {key: namespace[key] for key in _READ_OFF_THE_IMPORTER if key in namespace}
        importer["__builtins__"] = self._builtins
        promised = _Name(self._absolute(name, level))
        made: list[Any] = []
        call = made, vars(builtins)["__lazy_import__"], (promised, importer, None, fromlist, 0)
        # Python promises something to the top level of a module only, where the global names are the local ones.
        exec(_PROMISE, {**importer, "_": call})
        promised.is_promised = self._generation.predecessor is not None
        return made[0] if type(made[0]) is LAZY else ABSENT

    def is_asked_for(self, name: str, level: int) -> bool:
        """Tell whether an import is lazy though its statement does not say so: the process or the module may."""
        asked_for = self._member.namespace.get("__lazy_modules__", ())
        return imports_are_lazy() or self._absolute(name, level) in asked_for

    def _absolute(self, name: str, level: int) -> str:
        package = self._member.namespace.get("__package__")
        return importlib.util.resolve_name("." * level + name, package) if level else name

    @skipped
    def _resolve(
        self, name: str, namespace: Any = None, local: Any = None, fromlist: Iterable[str] | None = (), level: int = 0
    ) -> Any:
        """Import as ``__import__`` does, for the statement's own generation. The name is absolute, the level 0."""
        name, names = str(name), tuple(fromlist or ())
        vars(sys)["lazy_modules"].difference_update({name, *(f"{name}.{one}" for one in names)})
        return call_in(self._generation, self._import, name, names)

    @skipped
    def _import(self, name: str, fromlist: tuple[str, ...]) -> Any:
        generation, block = self._generation, self._generation.block
        module: Any = None
        if generation.predecessor is not None or generation is not block.current:
            wanted = load_imported(generation, self._member.namespace, fromlist, 0, name)
            if generation.number not in block.generations:
                block.forget(generation)  # again: it has new members, which somebody may hold as well
            if not generation.phase.has_served:
                module = block.facades.get(wanted) if wanted in generation.members else None
        if module is None:
            module = builtins.__import__(name, self._member.namespace, None, fromlist, 0)
        found = _Found()
        for one in fromlist:
            value = self._attribute(name, module, one)
            if value is ABSENT:
                return module  # CPython says what is missing
            setattr(found, one, value)
        return found if fromlist else module

    @skipped
    def _attribute(self, name: str, module: Any, attribute: str) -> Any:
        """Return an attribute of a module as the code of the generation sees it; `ABSENT` if it has none."""
        generation, block = self._generation, self._generation.block
        if block.reference.vector[0].generation is generation:
            return getattr(module, attribute, ABSENT)
        # Nothing runs in the generation any more, or nothing has yet: its modules show another one.
        member = generation.members.get(name)
        value = ABSENT if member is None else resolved(member.namespace, attribute)
        return getattr(module, attribute, ABSENT) if value is ABSENT else value
