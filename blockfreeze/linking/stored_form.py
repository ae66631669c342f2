"""A linked module as bytes, and back. This is what lies beside a module's ``.pyc``; nothing here knows of files.

The layout, numbers little-endian::

    8 bytes   MAGIC
    8 bytes   the hash of all that follows, as `importlib.util.source_hash` makes it
    4 bytes   the length of the key
    ...       the key: what the module was linked from, and by what; see `key_of`
    ...       what `marshal` makes of the code and of what is known of it

Bytes are unmarshalled only if the key is the one that was asked for and the hash fits: `marshal` may crash on what it
has not written itself. That protects from damage and from files of others, not from whoever may write there: as with a
``.pyc``, they can have any code run.

The same module gives the same bytes in every process. `marshal` writes a reference where it meets an object again, and
marks every object that something else refers to at the moment. So all parts that others could refer to are referred to
while it writes, and no other chance is left.
"""

from __future__ import annotations

import _imp
import importlib.util
import marshal
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final

from blockfreeze.core.version import __version__
from blockfreeze.linking.linkage import Definition, Linkage, Reason
from blockfreeze.linking.linker import LinkedCode
from blockfreeze.linking.writing import written_by

MAGIC: Final = b"bflink\r\n"
"""The first bytes. A transfer that takes the file for a text changes the last two."""

_HASHED: Final = len(MAGIC) + 8
_KEY: Final = _HASHED + 4
_NAMES: Final = (
    *("state", "always_set", "inspecting", "recoded", "member_imports", "moved", "lazy", "at_import", "class_methods"),
)
"""The sets of names in a `Linkage`."""
_PROBE: Final = "def probe():\n    'documented'\n    assert probe\n"
_HOLDING: Final = frozenset({CodeType, tuple, list, frozenset, slice})
_ROOMS: Final = ("inlining", "linking", "versions")

Answers = Mapping[tuple[str, int], bool]
"""The imports that linking has asked about, by name and level, and whether they are of modules of the block."""


def key_of(source: bytes, **inputs: object) -> bytes:
    """Return a key that no other text has, nor this one if anything else is linked in another way.

    Args:
        source: the text.
        inputs: what else the link depends on, in the same order each time: what `repr` tells apart.
    """
    return repr((_environment(), len(source), importlib.util.source_hash(source), inputs)).encode()


@cache
def _environment() -> tuple[object, ...]:
    """Return what linking depends on that is the same all through a process: the interpreter, its options, and us."""
    # Optimized code has no assertions, and without debugging ranges it has no columns: both show in what is compiled.
    compiled = marshal.dumps(compile(_PROBE, "", "exec", dont_inherit=True), 2)
    return (
        sys.version,
        sys.implementation.cache_tag,
        importlib.util.MAGIC_NUMBER,
        sys.flags.optimize,
        importlib.util.source_hash(compiled),
        written_by,
        __version__,
        _hash_of_rooms(Path(__file__).parents[1]),
    )


def _hash_of_rooms(package: Path) -> bytes:
    """Return a hash of the code that links: whoever works on it does not get what another state of it has linked."""
    texts: list[bytes] = []
    try:
        for room in _ROOMS:
            files = [file for file in sorted((package / room).iterdir()) if file.suffix in (".py", ".pyc")]
            texts += [file.name.encode() + b"\0" + file.read_bytes() for file in files]
    except OSError:
        return b""  # it lies in a zip file; the version has to do
    return importlib.util.source_hash(b"\0".join(texts))


def encode(linked: LinkedCode, answers: Answers, key: bytes) -> bytes:
    """Return the bytes of a linked module.

    Raises:
        ValueError: its code holds something that no source can say.
    """
    contents = _plain(linked, answers), _without_file(linked.code)
    held = _parts(contents)
    written = marshal.dumps(contents)
    del held
    hashed = len(key).to_bytes(4, "little") + key + written
    return MAGIC + importlib.util.source_hash(hashed) + hashed


def decode(data: bytes, key: bytes, filename: str) -> tuple[LinkedCode, Answers] | None:
    """Return a linked module, and what its linking has asked; None if `data` is not what `encode` made for this key.

    Args:
        filename: where its source lies now.
    """
    start = _KEY + len(key)
    if not data.startswith(MAGIC) or data[_HASHED:start] != len(key).to_bytes(4, "little") + key:
        return None
    if importlib.util.source_hash(data[_HASHED:]) != data[len(MAGIC) : _HASHED]:
        return None
    plain, code = marshal.loads(data[start:])
    # As the import system does with what it has read from a .pyc.
    _imp._fix_co_filename(code, filename)  # type: ignore[attr-defined]
    return _linked(plain, code)


def _plain(linked: LinkedCode, answers: Answers) -> tuple[Any, ...]:
    linkage = linked.linkage
    return (
        [(_interned(name), _interned(variable)) for name, variable in linked.cells.items()],
        linked.has_home,
        linked.has_unlinked_callers,
        _sorted(linked.assigns),
        _sorted(linked.made_before),
        [(_interned(one.name), one.kind, one.decorated, one.single) for one in linkage.bound.values()],
        [_sorted(getattr(linkage, names)) for names in _NAMES],
        [(_interned(name), reason.name) for name, reason in linkage.unbound.items()],
        [(_interned(name), tuple(map(_interned, mentioned))) for name, mentioned in linkage.mentions.items()],
        [
            (_interned(name), [(_interned(caller), times) for caller, times in callers.items()])
            for name, callers in linkage.inlined.items()
        ],
        [(_interned(name), reason) for name, reason in linkage.not_inlined.items()],
        [(_interned(name), level, answer) for (name, level), answer in sorted(answers.items())],
    )


def _linked(plain: tuple[Any, ...], code: CodeType) -> tuple[LinkedCode, Answers]:
    cells, has_home, unlinked, assigns, made_before, bound, names, unbound, mentions, inlined, refused, answers = plain
    linkage = Linkage(
        bound={one[0]: Definition(*one) for one in bound},
        unbound={name: Reason[reason] for name, reason in unbound},
        mentions=dict(mentions),
        inlined={name: dict(callers) for name, callers in inlined},
        not_inlined=dict(refused),
        **dict(zip(_NAMES, map(frozenset, names), strict=True)),
    )
    linked = LinkedCode(code, dict(cells), linkage, has_home, frozenset(assigns), frozenset(made_before), unlinked)
    return linked, {(name, level): answer for name, level, answer in answers}


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(map(_interned, names))


def _interned(text: str) -> str:
    # A string that is interned in one process and not in another would be written in two ways.
    return sys.intern(str(text))


def _without_file(code: CodeType) -> CodeType:
    """Return an equal code object, made of fresh ones all through, which does not say where its source lies."""
    constants = tuple(_without_file(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_consts=constants, co_filename="")


def _parts(whole: object) -> list[object]:
    """Return whatever `marshal` may meet in a value, and something else may refer to."""
    found, todo = [whole], [whole]
    while todo:
        inner = _inside(todo.pop())
        found += inner
        todo += [part for part in inner if type(part) in _HOLDING]  # nearly all are names and numbers
    return found


def _inside(part: object) -> list[object]:
    if isinstance(part, CodeType):
        return [
            *(part.co_code, part.co_consts, part.co_names, part.co_filename, part.co_name, part.co_qualname),
            *(part.co_linetable, part.co_exceptiontable),
        ]
    if isinstance(part, slice):
        return [part.start, part.stop, part.step]
    return list(part) if isinstance(part, (tuple, list, frozenset)) else []
