"""What the code of one module uses by its names, definition by definition, and how the linker binds each use.

Read off the compiled code, so members without source are read too. What is bound is asked of the linker's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from types import CodeType

from blockfreeze.linking.analysis import assigns_code, inspects_locals, nested_codes
from blockfreeze.linking.cpython import CONSTANT_LOADS, constant_loaded, is_to_be_called, variable_at
from blockfreeze.linking.instructions import Instructions, pattern_of
from blockfreeze.linking.linkage import Linkage
from blockfreeze.linking.linked_names import LinkedNames
from blockfreeze.versions.module_source import absolute_name

_LOADS = pattern_of("LOAD_GLOBAL", "LOAD_NAME")
_IMPORTS = pattern_of("IMPORT_NAME")
_STORES = pattern_of("STORE_NAME")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_ENDS = frozenset({"POP_TOP", "STORE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "DELETE_ATTR", "RETURN_VALUE"})
"""Where a statement of the top level ends that stores no name."""


@dataclass(frozen=True, slots=True)
class Use:
    """What code loads, as an absolute dotted name: a global name, and the attributes that are read of it.

    `first` is that name alone, and `bound`: it comes out of a cell. `called`: what is read last is read to be called.
    `at_import`: the body of the module, or of a class in it, does this.
    """

    dotted: str
    first: str = ""
    bound: bool = False
    called: bool = False
    at_import: bool = False


@dataclass
class ModuleUses:
    """What a module defines, imports and uses.

    By definition, `codes` has what it was made of, `lines` where it begins, and `uses` what it uses; what the body uses
    besides is under the empty name. `exported` is what the module lists as ``__all__``.
    """

    name: str
    package: str
    code: CodeType
    linkage: Linkage
    codes: dict[str, list[CodeType]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    uses: dict[str, list[Use]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    exported: set[str] | None = None

    def kind_of(self, name: str) -> str:
        """Return what a definition is: ``class`` or ``function``."""
        made = [one for one in self.codes[name] if one.co_name == name] or self.codes[name]
        generic = made[0].co_name.startswith("<generic parameters of")
        inner = [one for one in nested_codes(made[0]) if one.co_name == name] if generic else made
        return "function" if not inner or inner[0].co_flags & CO_OPTIMIZED else "class"


def uses_in(name: str, package: str, code: CodeType, linkage: Linkage) -> ModuleUses:
    """Return what a module uses.

    Args:
        package: where its relative imports start from.
    """
    found = ModuleUses(name, package, code, linkage, uses={"": []})
    for alias, dotted in _imported(Instructions(code), package):
        if alias == "*":
            found.stars.append(dotted)
        else:
            found.imports[alias] = dotted
    _TopLevel(found).read(Instructions(code))
    nested = _Nested(name, package, LinkedNames.of(code, linkage, has_home=False), assigns_code=assigns_code(code))
    for owner, codes in found.codes.items():
        for one in codes:
            found.uses.setdefault(owner, []).extend(nested.read(one, {}, beneath=False))
    return found


class _TopLevel:
    """The statements of a module: what each loads and makes belongs to the definition that it stores, or the body."""

    def __init__(self, found: ModuleUses) -> None:
        self._found = found
        linkage = found.linkage
        self._definitions = {name for name, one in linkage.bound.items() if one.kind != "import"} | set(linkage.unbound)
        self._uses: list[Use] = []
        self._codes: list[CodeType] = []
        self._texts: list[str] = []

    def read(self, read: Instructions) -> None:
        for place in read.every():
            opname = read.opname(place)
            if opname in CONSTANT_LOADS:
                self._enter_constant(constant_loaded(read.code, opname, read.argument(place)))
            elif opname in ("LOAD_NAME", "LOAD_GLOBAL"):
                names, called = _chain(read, place)
                module, first = self._found.name, read.used_name(place)[0]
                self._uses.append(Use(f"{module}.{names}", f"{module}.{first}", called=called, at_import=True))
            elif opname in ("STORE_NAME", "STORE_GLOBAL"):
                self._end(read.used_name(place)[0])
            elif opname in _ENDS:
                self._end("")

    def _enter_constant(self, value: object) -> None:
        if isinstance(value, CodeType):
            self._codes.append(value)
        else:
            self._texts += [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)]

    def _end(self, stored: str) -> None:
        found = self._found
        if stored:
            found.stored.add(stored)
        if stored == "__all__":
            found.exported = (found.exported or set()) | set(self._texts)
        owner = stored if stored in self._definitions and self._codes else ""
        if owner:
            found.lines.setdefault(owner, self._codes[0].co_firstlineno)
        found.codes.setdefault(owner, []).extend(self._codes)
        found.uses.setdefault(owner, []).extend(self._uses)
        self._uses, self._codes, self._texts = [], [], []


@dataclass(frozen=True)
class _Nested:
    """The code inside of a module, of which the linker decides use by use."""

    module: str
    package: str
    names: LinkedNames
    assigns_code: bool

    def read(self, code: CodeType, aliases: Mapping[str, str], *, beneath: bool) -> Iterator[Use]:
        """Yield what `code` and everything inside it uses.

        Args:
            aliases: what enclosing functions have imported, by the names of their variables.
            beneath: a function around it is not linked, and so nothing in it is.
        """
        read, is_function = Instructions(code), bool(code.co_flags & CO_OPTIMIZED)
        beneath = beneath or inspects_locals(code)
        linked = not beneath and not (self.assigns_code and is_function)
        stores = [] if is_function else [(read.used_name(place)[0], place) for place in reversed(read.where(_STORES))]
        first_store = dict(stores)
        for place in read.where(_LOADS):
            name, called = read.used_name(place)
            if first_store.get(name, place) < place:
                continue  # the class has it itself
            names, last_called = _chain(read, place)
            bound = linked and self._is_bound(read, place, name, called=called)
            first = f"{self.module}.{name}"
            yield Use(f"{self.module}.{names}", first, bound, last_called, at_import=not is_function)
        imported = {alias: dotted for alias, dotted in _imported(read, self.package) if alias != "*"}
        for dotted in imported.values():
            yield Use(dotted, called=True)
        aliases = {name: dotted for name, dotted in aliases.items() if name in code.co_freevars} | imported
        if aliases:
            yield from _of_aliases(read, aliases)
        for inner in nested_codes(code):
            yield from self.read(inner, aliases, beneath=beneath)

    def _is_bound(self, read: Instructions, place: int, name: str, *, called: bool) -> bool:
        follower = read.opname(read.after(place))
        if read.opname(place) == "LOAD_GLOBAL":
            return self.names.reaches_cell(name, called=called, follower=follower)
        return self.names.reaches_cell_from_class(name, follower)


def _chain(read: Instructions, place: int) -> tuple[str, bool]:
    """Return the dotted name that is loaded from `place` on, and whether its last part is loaded to be called."""
    first = read.opname(read.before(place))
    name, called = read.used_name(place)
    names, at = [name], read.after(place)
    while read.opname(at) in _ATTRIBUTES:
        name, as_method = read.used_name(at)
        called = called or as_method
        names.append(name)
        at = read.after(at)
    return ".".join(names), called or is_to_be_called(first, read.opname(at))


def _variables(read: Instructions, place: int) -> list[str]:
    """Return the variables of a frame that an instruction loads or stores, the last one loaded last."""
    opname, argument = read.opname(place), read.argument(place)
    both = opname.count("FAST") > 1  # 3.13 and later: two in one instruction
    return [variable_at(read.code, one) for one in ((argument >> 4, argument & 15) if both else (argument,))]


def _of_aliases(read: Instructions, aliases: Mapping[str, str]) -> Iterator[Use]:
    for place in read.every():
        if read.opname(place).startswith(("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")):
            dotted = aliases.get(_variables(read, place)[-1])
            if dotted is not None and read.opname(read.after(place)) in _ATTRIBUTES:
                names, called = _chain(read, read.after(place))
                yield Use(f"{dotted}.{names}", called=called)


def _imported(read: Instructions, package: str) -> Iterator[tuple[str, str]]:
    """Yield what import statements bind, each with its absolute dotted name; ``*`` with the module of a star."""
    for place in read.where(_IMPORTS):
        of_names = read.before(place)
        names, level = _constant(read, of_names), _constant(read, read.before(of_names))
        name = read.used_name(place)[0]
        module = absolute_name(name, level, package) if isinstance(level, int) else None
        if module is None:
            continue
        if isinstance(names, tuple) and "*" in names:
            yield "*", module
        elif isinstance(names, tuple):
            yield from ((alias, f"{module}.{part}") for alias, part in _stored_after(read, place))
        else:
            for alias, part in list(_stored_after(read, place))[:1]:
                yield alias, module if part else module.partition(".")[0]


def _stored_after(read: Instructions, place: int) -> Iterator[tuple[str, str]]:
    """Yield the names that what IMPORT_NAME at `place` imports is stored under, and what IMPORT_FROM took of it."""
    part, at = "", read.after(place)
    while (opname := read.opname(at)) in ("IMPORT_FROM", "SWAP", "POP_TOP") or opname.startswith("STORE_"):
        if opname == "IMPORT_FROM":
            part = read.used_name(at)[0]
        elif opname in ("STORE_NAME", "STORE_GLOBAL"):
            yield read.used_name(at)[0], part
        elif opname.startswith(("STORE_FAST", "STORE_DEREF")):
            yield _variables(read, at)[0], part
        at = read.after(at)


def _constant(read: Instructions, place: int) -> object:
    opname = read.opname(place)
    return constant_loaded(read.code, opname, read.argument(place)) if opname in CONSTANT_LOADS else None
