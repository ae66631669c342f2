"""Facts about CPython's bytecode that differ from version to version; the one place that asks for the version.

Nothing here knows of blocks. The facts were read off `dis` on 3.11 to 3.15:

==========================  ==================  ==================  ==========================
fact                        3.11                3.12                3.13 and later
==========================  ==================  ==================  ==========================
null of a call              before the callee   before the callee   after the callee
closure of a function       MAKE_FUNCTION 8     MAKE_FUNCTION 8     SET_FUNCTION_ATTRIBUTE 8
cell pushed for a closure   LOAD_CLOSURE        LOAD_CLOSURE        LOAD_FAST
a call                      PRECALL, CALL       CALL                CALL
star import                 IMPORT_STAR         CALL_INTRINSIC_1 2  CALL_INTRINSIC_1 2
mapping, then globals       none                LOAD_FROM_DICT_...  LOAD_FROM_DICT_OR_GLOBALS
==========================  ==================  ==================  ==========================

From 3.15 on the argument of IMPORT_NAME has two bits that tell how lazy the import is, below the index of the name; and
None, truth values, the empty string and -1 are no constants of a code object any more, but of LOAD_COMMON_CONSTANT.
"""

from __future__ import annotations

import _thread
import ast
import dis
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

FIRST_UNKNOWN = (3, 16)
"""The first version of CPython whose bytecode nobody has looked at: what linking would make of it cannot be known."""

SINCE_312 = sys.version_info >= (3, 12)
SINCE_313 = sys.version_info >= (3, 13)
SINCE_315 = sys.version_info >= (3, 15)

CALLS = "CALL" if SINCE_312 else "PRECALL"
"""The first instruction of a call, when its arguments are on the stack; the number of them is its argument."""

ATTRIBUTE_USES = frozenset({"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR"})
"""The instructions that take the object on top of the stack for the sake of one of its attributes."""

TAKEN_FROM_ELSEWHERE = frozenset({"IMPORT_FROM", "IMPORT_NAME", "LOAD_ATTR", "LOAD_DEREF", "LOAD_NAME"})
"""The instructions that push an object which another statement has made."""

COLLECTS_IN_ALLOCATIONS = not SINCE_312
"""The garbage collector runs wherever an object is allocated, not at safe points only."""

ARGUMENT_REFERENCES = 0 if sys.version_info >= (3, 14) else 1
"""The references, counted by `sys.getrefcount`, that a call holds to a local variable's value; 3.14 borrows it."""

TASKS_ARE_LISTED = sys.version_info < (3, 14)
"""`asyncio` has sets of the tasks of all threads; later it has lists that C code alone can read."""

SETS_CACHED = not SINCE_315
"""The import system tells a module where its cached code is, as ``__cached__``."""

LOADERS_ARE_TOLD_THE_NAME = SINCE_315
"""The import system passes the name of the module to a loader's ``source_to_code`` too."""

VERSIONS_COLLIDE = sys.version_info[:2] == (3, 12)
"""Two functions may have one version, though one of them has, and the other has not, what a call was specialized for.

3.12 numbers code objects and changed functions with two counters (``Objects/codeobject.c``, ``Objects/funcobject.c``)
and compares the numbers. A call that several functions pass through, of which one has had its ``__code__`` assigned,
can then read default values that do not exist, and end the process. Functions with ``*args`` are not specialized for,
and get no number. 3.11 has one counter only, and so has 3.13.
"""

_COMMON_CONSTANTS = (AssertionError, NotImplementedError, tuple, all, any, list, set, None, "", True, False, -1)
CONSTANT_LOADS = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"})
"""The instructions that push a constant, which `constant_loaded` returns."""

FORMATS_ARE_KNOWN = sys.version_info < (3, 16) and hasattr(dis, "_inline_cache_entries")
"""How code objects of this version are laid out is known byte for byte: instructions, caches, jumps and tables."""

JUMPS = frozenset(dis.opname[opcode] for opcode in dis.hasjrel if opcode < 256)
"""The instructions with a distance for argument, in code units, from their end; END_ASYNC_FOR is one since 3.14."""

BACKWARD_JUMPS = frozenset(name for name in JUMPS if "BACKWARD" in name or name == "END_ASYNC_FOR")

_CACHE = dis.opmap.get("CACHE", 0)
_EXTENDED_ARG = dis.opmap["EXTENDED_ARG"]
_PARSES = 20
_STOPS = frozenset({"FOR_ITER", "SEND", "CALL_FUNCTION_EX", "RETURN_VALUE"})


def reason_to_refuse() -> str | None:
    """Return why nothing can be linked in this interpreter; None if it can."""
    version = ".".join(map(str, sys.version_info[:2]))
    if sys.implementation.name != "cpython" or sys.version_info[:2] >= FIRST_UNKNOWN:
        last = ".".join(map(str, (FIRST_UNKNOWN[0], FIRST_UNKNOWN[1] - 1)))
        return f"the bytecode of {sys.implementation.name} {version} is not known: it works up to CPython {last}"
    # From 3.12 on each interpreter may have a lock of its own, and the process ends sooner or later if one of them asks
    # for the stacks of threads: it is shown those of all. The interpreter tells from then on whether it is the first.
    is_main: Callable[[], bool] = getattr(_thread, "_is_main_interpreter", lambda: True)
    return None if is_main() else "this is a sub-interpreter, which cannot look safely at the stacks of threads"


def parse(text: str | bytes) -> ast.Module:
    """Return the syntax tree of a module, as `ast.parse` does.

    3.11 counts in one place for all threads how deep a tree is while it is built, and refuses a tree with a SystemError
    if another thread has built one meanwhile (python/cpython#106905); then it is built once more.

    Raises:
        SyntaxError, ValueError: the text is not Python.
    """
    for _ in range(_PARSES):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)


def compiled(data: bytes, path: str, module: str) -> CodeType:
    """Return the code of a module, compiled as the import system does; 3.15 tells warnings which module it is.

    Raises:
        SyntaxError, ValueError: the source is not Python.
    """
    named: dict[str, Any] = {"module": module} if SINCE_315 else {}
    code: CodeType = compile(data, path, "exec", dont_inherit=True, **named)
    return code


def instructions(code: CodeType) -> Iterator[tuple[str, int]]:
    """Yield the name and the whole argument of each instruction, without caches and without objects for them."""
    return _instructions(code.co_code)


def _instructions(raw: bytes) -> Iterator[tuple[str, int]]:
    high = 0
    for at in range(0, len(raw), 2):
        opcode = raw[at]
        if opcode == _EXTENDED_ARG:
            high = (high | raw[at + 1]) << 8
        else:
            if opcode != _CACHE:
                yield dis.opname[opcode], high | raw[at + 1]
            high = 0


def with_neighbours(code: CodeType) -> Iterator[tuple[tuple[str, int], tuple[str, int], tuple[str, int]]]:
    """Yield each instruction between those before and after it; one without a name stands for one that there is not."""
    return _with_neighbours(code.co_code)


def _with_neighbours(raw: bytes) -> Iterator[tuple[tuple[str, int], tuple[str, int], tuple[str, int]]]:
    loaded = [("", 0), *_instructions(raw), ("", 0)]
    return zip(loaded, loaded[1:], loaded[2:], strict=False)


def arguments_of_call(loaded: list[tuple[str, int]], at: int) -> int | None:
    """Return how many arguments are passed to the global that instruction `at` loads, the keywords' among them.

    None if it is not loaded to be called, or if it cannot be told without following jumps or unpacking.
    """
    if loaded[at][0] != "LOAD_GLOBAL" or not loaded[at][1] & 1:
        return None
    above = 0  # what lies on the stack above the callable and its null
    for opname, arg in map(loaded.__getitem__, range(at + 1, len(loaded))):
        if "JUMP" in opname or opname in _STOPS:
            return None
        if (opname, above) in ((CALLS, arg), ("CALL_KW", arg + 1)):
            return arg
        above += dis.stack_effect(dis.opmap[opname], arg if dis.opmap[opname] >= dis.HAVE_ARGUMENT else None)
        if above < 0:
            return None
    return None


def is_to_be_called(before: str, after: str) -> bool:
    """Tell whether what is loaded between two instructions is loaded to be called."""
    return (after if SINCE_313 else before) == "PUSH_NULL"


def read_as_values(code: CodeType) -> frozenset[str]:
    """Return the free variables that `code`, or what is inside it, reads for more than to call what they mean."""
    free = code.co_freevars
    if not free:
        return frozenset()
    first = len({*code.co_varnames, *code.co_cellvars})  # free variables come last among the variables of a frame
    found = _read_as_values(code.co_code, free, first)
    inside = [read_as_values(one) for one in code.co_consts if isinstance(one, CodeType)]
    return frozenset(free).intersection(found.union(*inside)) if inside else found


@lru_cache(maxsize=4096)  # a swap asks this of code that is mostly that of the swap before
def _read_as_values(raw: bytes, free: tuple[str, ...], first: int) -> frozenset[str]:
    return frozenset(
        free[arg - first]
        for (before, _), (opname, arg), (after, _) in _with_neighbours(raw)
        if "DEREF" in opname and arg >= first
        if not is_to_be_called(before, after) and after not in ATTRIBUTE_USES
    )


def _empty_caches() -> dict[str, bytes]:
    # A list by opcode up to 3.12, and later a mapping, by name, of those that have caches; 3.15 has a frozen one.
    entries: Any = getattr(dis, "_inline_cache_entries", {})
    counts = dict(zip(dis.opname, entries, strict=False)) if isinstance(entries, list) else dict(entries)
    return {name: bytes(2 * counts.get(name, 0)) for name in dis.opmap}


_EMPTY_CACHES: Mapping[str, bytes] = _empty_caches()


@lru_cache(maxsize=1024)  # most instructions that are written are a few ones
def encoded(opname: str, argument: int, *, at_least: int = 1) -> bytes:
    """Return an instruction as ``co_code`` has it: EXTENDED_ARGs, opcode and argument, empty caches.

    Args:
        at_least: how many code units it has at least; EXTENDED_ARGs of zero fill it up.
    """
    caches = _EMPTY_CACHES[opname]
    if argument < 256 and at_least <= 1:
        return bytes((dis.opmap[opname], argument)) + caches
    high = argument >> 8
    count = max((high.bit_length() + 7) // 8, at_least - 1 - len(caches) // 2)
    extended = b"".join(bytes((_EXTENDED_ARG, one)) for one in high.to_bytes(count, "big"))
    return extended + bytes((dis.opmap[opname], argument & 255)) + caches


def free_variables_prologue(count: int) -> tuple[bytes, bytes]:
    """Return the code, and its part of the line table, that fills in the free variables of a frame.

    Code that uses none of its free variables could do without, but up to 3.12 reading ``f_locals`` of such a frame
    (a debugger does) follows a null pointer.
    """
    if SINCE_313 or not count:
        return b"", b""
    code = bytes([dis.opmap["COPY_FREE_VARS"], count & 255])
    if count > 255:
        code = bytes([_EXTENDED_ARG, count >> 8]) + code
    # An entry of the line table: its sign bit, the kind "no location" (15), and its length in code units less one.
    return code, bytes([0x80 | 15 << 3 | (len(code) // 2 - 1)])


def constant_loaded(code: CodeType, opname: str, arg: int) -> object:
    """Return what an instruction that loads a constant pushes."""
    if opname == "LOAD_CONST":
        return code.co_consts[arg]
    return arg if opname == "LOAD_SMALL_INT" else _COMMON_CONSTANTS[arg]


def name_used(code: CodeType, opname: str, arg: int) -> tuple[str, bool]:
    """Return the name that an instruction with the argument `arg` uses, and whether it pushes what a call wants too."""
    if opname == "IMPORT_NAME":
        return code.co_names[arg >> 2 if SINCE_315 else arg], False
    if opname == "LOAD_GLOBAL" or (SINCE_312 and opname == "LOAD_ATTR"):
        return code.co_names[arg >> 1], bool(arg & 1)
    return code.co_names[arg], opname == "LOAD_METHOD"


def variable_at(code: CodeType, index: int) -> str:
    """Return the name of the variable of a frame to which LOAD_DEREF and the like refer by `index`."""
    names = (*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars)
    return names[index] if index < len(names) else ""


def decorates(opname: str, arg: int) -> bool:
    """Tell whether the instruction is one of those that call a decorator: a call without arguments but its ``self``."""
    return opname in ("PRECALL", "CALL") and arg == 0


def is_star_import(opname: str, arg: int) -> bool:
    """Tell whether the instruction stores every public name of a module into the namespace."""
    return opname == "IMPORT_STAR" or (opname == "CALL_INTRINSIC_1" and arg == 2)
