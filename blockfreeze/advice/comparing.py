"""Two versions of a block are compared, definition by definition, and what may be met across them is said."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from blockfreeze.advice.attributes import ClassesOf
from blockfreeze.advice.constants import class_advice, constant_advice, record_advice
from blockfreeze.advice.forms import FormsOf
from blockfreeze.advice.instances import instance_advice
from blockfreeze.advice.markers import marker_advice
from blockfreeze.advice.parameters import parameter_advice
from blockfreeze.advice.results import result_advice
from blockfreeze.advice.state import state_advice, written_words
from blockfreeze.advice.texts import Text, Version
from blockfreeze.core.advice import WARNING, Advice
from blockfreeze.versions.module_source import ModuleSource


def advise_on(before: Mapping[str, ModuleSource], after: Mapping[str, ModuleSource]) -> tuple[Advice, ...]:
    """Return what may be met across two versions and is no error, warnings first; nothing is executed.

    Args:
        before: the modules of the version that runs, by name.
        after: those of the version that is to replace it.
    """
    was, now = ClassesOf(FormsOf(Version(before))), ClassesOf(FormsOf(Version(after)))
    known = written_words([text.tree for text in was.version.modules.values()])
    found = [
        one
        for name, new in now.version.modules.items()
        if name in was.version.modules and before[name].data != after[name].data
        for one in _of_module(was.version.modules[name], new, was, now, known)
    ]
    return tuple(sorted(found, key=lambda one: one.level != WARNING))


def _of_module(old: Text, new: Text, was: ClassesOf, now: ClassesOf, known: frozenset[str]) -> Iterator[Advice]:
    for path, function in new.functions.items():
        if path in old.functions:
            yield from result_advice(old.functions[path], function, was.forms, now.forms)
            yield from parameter_advice(old.functions[path], function)
    for path, cls in new.classes.items():
        if path in old.classes:
            yield from class_advice(old.classes[path], cls, was.version, now.version)
            yield from instance_advice(old.classes[path], cls, was, now)
    survives = (old.outline.variables.keys() & new.outline.variables.keys()) | new.outline.rebound
    for path, value in new.values.items():
        if path in old.values and path not in survives:
            yield from record_advice(old.values[path], value, was.version, now.version)
            if isinstance(value.node, ast.expr):
                yield from constant_advice(old.values[path], value, was.forms, now.forms)
    yield from marker_advice(old, new)
    yield from state_advice(old, new, was.forms, now.forms, known)
