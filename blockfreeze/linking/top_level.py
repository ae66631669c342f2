"""The rules of a module's top level: where the hooks stand in a body, and what else its instructions become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from inspect import CO_OPTIMIZED
from itertools import takewhile
from types import CodeType, MappingProxyType

from bytecode.instr import Instr

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking import hook_table as hooks
from blockfreeze.linking.analysis import nested_codes
from blockfreeze.linking.class_access import SETTERS
from blockfreeze.linking.laziness import Laziness, import_of, may_be_lazy
from blockfreeze.linking.linked_names import LinkedNames


class TopLevel:
    """The rules for one module. Its instructions are to be passed one by one, in their order."""

    def __init__(self, code: CodeType, names: LinkedNames) -> None:
        self._names = names
        self._linkage = names.linkage
        self._rules = {**_RULES, **_LATER_RULES} if names.has_home else _RULES
        bodies = (one.co_name for one in nested_codes(code) if not one.co_flags & CO_OPTIMIZED)
        self._may_be_lazy = may_be_lazy(code)
        self._class_bodies = Counter(bodies)
        self._built: set[str] = set()  # classes whose statement calls `BUILD`; a generic class is made elsewhere

    def replacement(self, instructions: list[Instr], at: int) -> list[Instr]:
        """Return what replaces an instruction."""
        rule = self._rules.get(instructions[at].name)
        return [instructions[at]] if rule is None else rule(self, instructions, at)

    def after_function(self, instructions: list[Instr], at: int) -> list[Instr]:
        """Return what follows an instruction that may complete a function: `DEFINE`, before its decorators are called.

        Before 3.13 a function is complete with MAKE_FUNCTION; later SET_FUNCTION_ATTRIBUTE may follow, several times.
        """
        if cpython.name_of(instructions, at + 1) == "SET_FUNCTION_ATTRIBUTE":
            return []
        make = at
        while instructions[make].name != "MAKE_FUNCTION":
            make -= 1
        inner = instructions[make - 1].arg
        if not isinstance(inner, CodeType) or not inner.co_flags & CO_OPTIMIZED:
            return []
        definition = self._linkage.bound.get(inner.co_name)
        if definition is None or definition.kind != "function" or not (definition.decorated and definition.single):
            return []
        return sequences.call_with_value(hooks.DEFINE, (definition.name,), instructions[at].location)

    def _star_import(self, instructions: list[Instr], at: int) -> list[Instr]:
        item = instructions[at]
        if not cpython.is_star_import(item.name, item.arg):
            return [item]
        location = item.location
        refresh = sequences.call_for_effect(hooks.REFRESH, (), location)
        return [*sequences.call_with_value(hooks.STAR, (), location), item, *refresh]

    def _attribute(self, instructions: list[Instr], at: int) -> list[Instr]:
        item = instructions[at]
        name, as_method = cpython.name_and_call(item)
        if name != hooks.REGISTER_AT_FORK:
            if as_method or not self._names.has_home or item.name != "LOAD_ATTR":
                return [item]
            target = Instr("COPY", 1, location=item.location)
            return [target, item, *sequences.call_with_two(hooks.FOUND, name, item.location, push=True)]
        null = sequences.null_for(item.location) if as_method else []
        return [*sequences.call_with_value(hooks.AT_FORK, (), item.location), *null]

    def _set_attribute(self, instructions: list[Instr], at: int) -> list[Instr]:
        item = instructions[at]
        both = [Instr("COPY", 2, location=item.location), Instr("COPY", 2, location=item.location)]
        return [*both, *sequences.call_with_two(hooks.REPLACE, str(item.arg), item.location), item]

    def _import_member(self, instructions: list[Instr], at: int) -> list[Instr]:
        item = instructions[at]
        name, asked = import_of(item)
        if name not in self._linkage.member_imports:
            return [item]
        if asked is Laziness.LAZY:
            hook = hooks.LAZY_IMPORT
        elif asked is Laziness.AS_CONFIGURED and self._may_be_lazy:
            hook = hooks.PERHAPS_LAZY
        elif self._names.has_home:
            hook = hooks.IMPORT_MEMBER
        else:
            return [item]
        return sequences.call_with_two(hook, name, item.location, push=True)

    def _load(self, instructions: list[Instr], at: int) -> list[Instr]:
        item, names = instructions[at], self._names
        name, location, follower = str(item.arg), item.location, cpython.name_of(instructions, at + 1)
        if name == hooks.AS_IT_IS:
            return [sequences.free_load(hooks.AS_IT_IS, location)]
        if names.is_shared(name):
            if name in self._linkage.lazy:
                return sequences.call_hook(hooks.LOAD, (name,), location)
            return sequences.home_load(names.home_of(name), hooks.LOAD, name, location, always_set=False)
        if names.has_home and name in SETTERS and self._linkage.is_no_definition(name):
            if cpython.is_to_be_called(cpython.name_of(instructions, at - 1), follower):
                return sequences.call_hook(hooks.SETTER, (name,), location)
        definition = self._linkage.bound.get(name)
        if definition is not None and definition.single and follower in cpython.ATTRIBUTE_USES:
            return [sequences.free_load(names.cells[name], location)]
        return [item]

    def _store(self, instructions: list[Instr], at: int) -> list[Instr]:
        item, names = instructions[at], self._names
        name, location = str(item.arg), item.location
        if names.is_shared(name):
            return [*sequences.call_with_value(hooks.STATE, (name,), location), Instr("POP_TOP", location=location)]
        if name in self._linkage.bound:
            return [*sequences.call_with_value(hooks.BIND, (name,), location), item]
        taken = cpython.name_of(instructions, at - 1) in cpython.TAKEN_FROM_ELSEWHERE
        if names.has_home and not taken and name not in self._linkage.unbound:
            return [*sequences.call_with_value(hooks.PRESERVE, (name,), location), item]
        if names.has_home and cpython.name_of(instructions, at - 1) == "LOAD_ATTR":
            return [*sequences.call_with_value(hooks.SAVE, (name,), location), item]
        return [item]

    def _delete(self, instructions: list[Instr], at: int) -> list[Instr]:
        item = instructions[at]
        if not self._names.is_shared(str(item.arg)):
            return [item]
        return sequences.call_for_effect(hooks.UNSET, (str(item.arg),), item.location)

    def _class_statement(self, instructions: list[Instr], at: int) -> list[Instr]:
        """Let `BUILD` decide whether a class statement makes its class."""
        item = instructions[at]
        name = next((one.arg.co_name for one in _from(instructions, at) if isinstance(one.arg, CodeType)), "")
        definition = self._linkage.bound.get(name)
        if definition is None or definition.kind != "class" or self._class_bodies[name] != 1:
            return [item]
        if definition.single:
            self._built.add(name)
        elif any(
            map(cpython.begins_decoration, takewhile(lambda one: one.name != "STORE_NAME", _from(instructions, at)))
        ):
            return [item]  # what decorates it cannot be told from a call that makes something else of it later
        return sequences.call_hook(hooks.BUILD, (name,), item.location)

    def _decoration(self, instructions: list[Instr], at: int) -> list[Instr]:
        """Let `DECORATOR` decide whether a class is decorated."""
        item = instructions[at]
        if not cpython.begins_decoration(item):
            return [item]
        stored = next((one for one in _from(instructions, at) if not cpython.decorates(one)), item)
        if stored.name != "STORE_NAME" or str(stored.arg) not in self._built:
            return [item]
        turn = Instr("SWAP", 2, location=item.location)
        return [turn, *sequences.call_with_value(hooks.DECORATOR, (str(stored.arg),), item.location), turn.copy(), item]


def _from(instructions: list[Instr], at: int) -> Iterator[Instr]:
    return map(instructions.__getitem__, range(at, len(instructions)))  # no copy: most look at a few only


_Rule = Callable[[TopLevel, list[Instr], int], list[Instr]]

_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "CALL_INTRINSIC_1": TopLevel._star_import,
        "IMPORT_NAME": TopLevel._import_member,
        "IMPORT_STAR": TopLevel._star_import,
        "LOAD_ATTR": TopLevel._attribute,
        "LOAD_METHOD": TopLevel._attribute,
        "LOAD_NAME": TopLevel._load,
        "STORE_ATTR": TopLevel._set_attribute,
        "STORE_GLOBAL": TopLevel._store,
        "STORE_NAME": TopLevel._store,
    }
)

_LATER_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        cpython.CALLS: TopLevel._decoration,
        "DELETE_NAME": TopLevel._delete,
        "LOAD_BUILD_CLASS": TopLevel._class_statement,
    }
)
"""The rules that a later generation has besides."""
