"""The rules of a module's top level: where the hooks stand in a body, and what else its instructions become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import CodeType, MappingProxyType

from blockfreeze.linking import cpython, sequences
from blockfreeze.linking import hook_table as hooks
from blockfreeze.linking.analysis import nested_codes
from blockfreeze.linking.class_access import SETTERS, ClassAccesses, class_accesses, take_over
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.laziness import Laziness, laziness, may_be_lazy
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.linking.sequences import ITSELF, Steps


class TopLevel:
    """The rules for one module."""

    def __init__(self, code: Instructions, names: LinkedNames) -> None:
        self._read = code
        self._names = names
        self._linkage = names.linkage
        bodies = (one.co_name for one in nested_codes(code.code) if not one.co_flags & CO_OPTIMIZED)
        self._may_be_lazy = may_be_lazy(code.code)
        self._class_bodies = Counter(bodies)
        self._built: set[str] = set()  # classes whose statement calls `BUILD`; a generic class is made elsewhere

    def replaced(self, at_functions: Mapping[int, Steps]) -> dict[int, Steps]:
        """Return what replaces the instructions of the body.

        Args:
            at_functions: what replaces those that make functions.
        """
        read, steps = self._read, dict(at_functions)
        rules, pattern = (_LATER_RULES, _LATER_PATTERN) if self._names.has_home else (_RULES, _PATTERN)
        for place in read.where(pattern):
            replaced = rules[read.opname(place)](self, place)
            if replaced is not None:
                steps[place] = replaced
        for hook, places in self._accesses().items():
            steps |= {place: take_over(hook, read, place) for place in places}
        for name, place in self._decorated_functions():
            define = sequences.call_with_value(hooks.DEFINE, name)
            steps[place] = *steps.get(place, (ITSELF,)), *define
        return steps

    def _accesses(self) -> ClassAccesses:
        # Everything may be a class that serves already; in the first generation none is.
        return class_accesses(self._read, self._linkage, everything=True) if self._names.has_home else {}

    def _decorated_functions(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each function that is passed through `DEFINE`, and where it is complete."""
        read, bound = self._read, self._linkage.bound
        for place in read.where(_FUNCTIONS):
            inner = read.constant(read.before(place))
            if not isinstance(inner, CodeType) or not inner.co_flags & CO_OPTIMIZED:
                continue
            definition = bound.get(inner.co_name)
            if definition is None or definition.kind != "function":
                continue
            if definition.decorated and definition.single:
                yield definition.name, read.made_function(place)

    def _name(self, place: int) -> str:
        return self._read.used_name(place)[0]

    def _star_import(self, place: int) -> Steps | None:
        if not cpython.is_star_import(self._read.opname(place), self._read.argument(place)):
            return None
        return *sequences.call_with_value(hooks.STAR), ITSELF, *sequences.call_for_effect(hooks.REFRESH)

    def _attribute(self, place: int) -> Steps | None:
        name, as_method = self._read.used_name(place)
        if name == hooks.REGISTER_AT_FORK:
            null = sequences.null_for_callable() if as_method else ()
            return *sequences.call_with_value(hooks.AT_FORK), *null
        if as_method or not self._names.has_home or self._read.opname(place) != "LOAD_ATTR":
            return None
        return sequences.COPY, ITSELF, *sequences.call_with_two(hooks.FOUND, name)

    def _set_attribute(self, place: int) -> Steps:
        return *sequences.call_with_two_seen(hooks.REPLACE, self._name(place)), ITSELF

    def _import_member(self, place: int) -> Steps | None:
        name = self._name(place)
        if name not in self._linkage.member_imports:
            return None
        asked = laziness(self._read.argument(place))
        if asked is Laziness.LAZY:
            return sequences.call_with_two(hooks.LAZY_IMPORT, name)
        if asked is Laziness.AS_CONFIGURED and self._may_be_lazy:
            return sequences.call_with_two(hooks.PERHAPS_LAZY, name)
        return sequences.call_with_two(hooks.IMPORT_MEMBER, name) if self._names.has_home else None

    def _load(self, place: int) -> Steps | None:
        names, name = self._names, self._name(place)
        if name == hooks.AS_IT_IS:
            return (sequences.variable_load(hooks.AS_IT_IS),)
        if names.is_shared(name):
            if name in self._linkage.lazy:
                return sequences.call_hook(hooks.LOAD, name)
            return sequences.home_load(names.home_of(name), hooks.LOAD, name, always_set=False)
        follower = self._read.opname(self._read.after(place))
        if names.has_home and name in SETTERS and self._linkage.is_no_definition(name):
            if cpython.is_to_be_called(self._read.opname(self._read.before(place)), follower):
                return sequences.call_hook(hooks.SETTER, name)
        definition = self._linkage.bound.get(name)
        if definition is not None and definition.single and follower in cpython.ATTRIBUTE_USES:
            return (sequences.variable_load(names.cells[name]),)
        return None

    def _store(self, place: int) -> Steps | None:
        names, name = self._names, self._name(place)
        if names.is_shared(name):
            return *sequences.call_with_value(hooks.STATE, name), sequences.POP
        if name in self._linkage.bound:
            return *sequences.call_with_value(hooks.BIND, name), ITSELF
        if names.has_home:
            pushes = self._read.opname(self._read.before(place))
            if pushes not in cpython.TAKEN_FROM_ELSEWHERE and name not in self._linkage.unbound:
                return *sequences.call_with_value(hooks.PRESERVE, name), ITSELF
            if pushes == "LOAD_ATTR" or (pushes == "IMPORT_FROM" and not self._is_of_member(place)):
                return *sequences.call_with_value(hooks.SAVE, name), ITSELF
        return None

    def _is_of_member(self, place: int) -> bool:
        """Tell whether what a statement imports at `place` is another member's."""
        while self._read.opname(place) != "IMPORT_NAME":
            place = self._read.before(place)
        return self._name(place) in self._linkage.member_imports

    def _delete(self, place: int) -> Steps | None:
        name = self._name(place)
        return sequences.call_for_effect(hooks.UNSET, name) if self._names.is_shared(name) else None

    def _class_statement(self, place: int) -> Steps | None:
        """Let `BUILD` decide whether a class statement makes its class."""
        name = next(
            (one.co_name for one in map(self._read.constant, self._from(place)) if isinstance(one, CodeType)), ""
        )
        definition = self._linkage.bound.get(name)
        if definition is None or definition.kind != "class" or self._class_bodies[name] != 1:
            return None
        if definition.single:
            self._built.add(name)
        elif self._may_be_decorated(place):
            return None  # what decorates it cannot be told from a call that makes something else of it later
        return sequences.call_hook(hooks.BUILD, name)

    def _may_be_decorated(self, place: int) -> bool:
        for one in self._from(place):
            opname = self._read.opname(one)
            if opname == "STORE_NAME":
                return False
            if opname == cpython.CALLS and cpython.decorates(opname, self._read.argument(one)):
                return True
        return False

    def _decoration(self, place: int) -> Steps | None:
        """Let `DECORATOR` decide whether a class is decorated."""
        read = self._read
        if read.argument(place) != 0:
            return None
        stored = next(
            (one for one in self._from(place) if not cpython.decorates(read.opname(one), read.argument(one))), place
        )
        if read.opname(stored) != "STORE_NAME" or self._name(stored) not in self._built:
            return None
        turned = sequences.call_with_value(hooks.DECORATOR, self._name(stored))
        return sequences.SWAP, *turned, sequences.SWAP, ITSELF

    def _from(self, place: int) -> Iterator[int]:
        """Yield the place of an instruction, and those of all that follow."""
        while self._read.opname(place):
            yield place
            place = self._read.after(place)


_Rule = Callable[[TopLevel, int], Steps | None]

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
        **_RULES,
        cpython.CALLS: TopLevel._decoration,
        "DELETE_NAME": TopLevel._delete,
        "LOAD_BUILD_CLASS": TopLevel._class_statement,
    }
)
"""The rules of a later generation."""

_FUNCTIONS = pattern_of("MAKE_FUNCTION")
_PATTERN = pattern_of(*_RULES)
_LATER_PATTERN = pattern_of(*_LATER_RULES)
