"""What the top level of a module says of its functions: their code, default values and marks, and when they are there.

Read off the instructions, for a member may have no source. What cannot be read off is taken for unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import CodeType

from bytecode import Label
from bytecode.instr import Instr, TryBegin

from blockfreeze.inlining.flow import Item, ends, follow
from blockfreeze.inlining.marks import INLINE, NOT_INLINE
from blockfreeze.inlining.operations import attributes_of_function, begins_decoration, decorates, name_and_call
from blockfreeze.linking.linkage import Linkage

_PACKAGE = "blockfreeze"

_HARMLESS = frozenset({INLINE, NOT_INLINE, "entry"})
"""Our decorators that return the function as it is."""

_PUSHING = frozenset({"LOAD_CONST", "LOAD_NAME"})
"""Instructions that leave everything on the stack as it is."""

_DEFAULTS = 1  # the flag of MAKE_FUNCTION and SET_FUNCTION_ATTRIBUTE for the default values of positional parameters


@dataclass(frozen=True)
class Defined:
    """A function that exactly one statement of the top level defines, and that is the value of its name.

    `defaults` are those of the last positional parameters, if they are constants; `order` counts instructions.
    """

    name: str
    code: CodeType
    defaults: tuple[object, ...]
    marks: frozenset[str]
    order: int
    certain: bool
    """Whatever way the top level goes, this statement is executed."""


def defined_functions(items: Sequence[Item], linkage: Linkage) -> dict[str, Defined]:
    """Return the functions of a module by name, given the instructions of its top level."""
    reader = _Reader(items, linkage)
    return {one.name: one for one in reader.functions()}


class _Reader:
    def __init__(self, items: Sequence[Item], linkage: Linkage) -> None:
        self._items = items
        self._linkage = linkage
        self._marks, self._modules = _names_of_marks(items)

    def functions(self) -> Iterator[Defined]:
        """Yield every function whose value is known; `stack` has what each place of the stack is known to hold."""
        stack: list[object] = []
        made: tuple[CodeType, tuple[object, ...], list[object]] | None = None
        calls = 0
        for index, item, before, after in follow(self._items, 0):
            del stack[before:]
            stack += [None] * (before - len(stack))
            if item.name == "MAKE_FUNCTION":
                made, calls = self._made(index, item, stack), 0
            elif decorates(item):
                calls += begins_decoration(item)
            elif item.name == "STORE_NAME" and made is not None:
                yield from self._defined(index, str(item.arg), made, calls)
                made = None
            elif item.name != "SET_FUNCTION_ATTRIBUTE":
                made = None
            known = self._pushed(item, stack[-1] if stack else None)
            del stack[before if item.name in _PUSHING else max(0, min(before, after) - 1) :]
            stack += [None] * (after - len(stack))
            if stack and known is not None:
                stack[-1] = known

    def _pushed(self, item: Instr, top: object) -> object:
        """Return what an instruction is known to leave on top of the stack; None if nothing is known."""
        if item.name == "LOAD_CONST":
            return (item.arg,)
        if item.name == "LOAD_NAME":
            return self._marks.get(str(item.arg), self._modules.get(str(item.arg)))
        if item.name == "LOAD_ATTR" and top == _PACKAGE:
            name, _ = name_and_call(item)
            return f"{_PACKAGE}.{name}"
        return None

    def _made(
        self, index: int, item: Instr, stack: list[object]
    ) -> tuple[CodeType, tuple[object, ...], list[object]] | None:
        """Return the code and defaults of the function that an instruction makes, and what lies under them."""
        code = stack[-1] if stack else None
        if not isinstance(code, tuple) or not isinstance(code[0], CodeType):
            return None
        attributes = attributes_of_function(self._items, index)
        beneath = len(stack) - 1 - len(attributes)
        defaults: object = stack[beneath] if _DEFAULTS in attributes else ((),)
        known = defaults[0] if isinstance(defaults, tuple) and isinstance(defaults[0], tuple) else ()
        return code[0], known, stack[:beneath]

    def _defined(
        self, index: int, name: str, made: tuple[CodeType, tuple[object, ...], list[object]], calls: int
    ) -> Iterator[Defined]:
        code, defaults, beneath = made
        definition = self._linkage.bound.get(name)
        if definition is None or definition.kind != "function" or not definition.single or code.co_name != name:
            return
        decorators = beneath[len(beneath) - calls :] if calls else []
        marks = {str(one).removeprefix(f"{_PACKAGE}.") for one in decorators}
        if len(decorators) == calls and marks <= _HARMLESS:
            certain = _is_always_reached(self._items, index)
            yield Defined(name, code, defaults, frozenset(marks), index, certain)


def _names_of_marks(items: Sequence[Item]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names that mean one of our decorators, and those that mean our package, as imports say."""
    instructions = [item for item in items if isinstance(item, Instr)]
    stores = Counter(item.arg for item in instructions if item.name == "STORE_NAME")
    marks: dict[str, str] = {}
    modules: dict[str, str] = {}
    source = ""
    for item, following in pairwise(instructions):
        if item.name == "IMPORT_NAME":
            source = name_and_call(item)[0]  # on 3.15 how lazy it is comes before it
        if following.name != "STORE_NAME" or stores[following.arg] != 1 or source != _PACKAGE:
            continue
        if item.name == "IMPORT_NAME":
            modules[str(following.arg)] = _PACKAGE
        elif item.name == "IMPORT_FROM":
            marks[str(following.arg)] = f"{_PACKAGE}.{item.arg}"
    return marks, modules


def _is_always_reached(items: Sequence[Item], index: int) -> bool:
    """Tell whether no jump, exception handler or end of the code lets the instruction at an index be left out."""
    position = {item: at for at, item in enumerate(items) if isinstance(item, Label)}
    covered = 0
    for item in items[:index]:
        if isinstance(item, TryBegin):
            covered += 1
        elif not isinstance(item, Instr):
            covered -= not isinstance(item, Label)
        elif isinstance(item.arg, Label):
            if position[item.arg] > index:
                return False
        elif ends(item):
            return False
    return covered == 0
