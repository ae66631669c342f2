"""The stacks of all threads, and of all greenlets that are switched away from, as they are at one moment.

CPython changes threads where it executes bytecode, and not while C code calls C code. So what is read here is read by
one call from Python: `_at_once` calls C functions one after the other, and iterators that are made of C functions alone
lead from one frame to the next. A loop in Python would not do. A generator that yields meanwhile has no caller any
more, and one that another thread resumes has another; the frames below it would be lost either way.

Greenlets are found without importing the package: a program that has none does not pay for them, and one whose threads
have their main greenlets alone pays once (`blockfreeze.core.main_greenlets`). They are on no list, so the collector is
asked for all objects. Such a list is a danger while other threads run: tuples that they are building would be in it,
and may then not be resized any more. It is emptied in the same call.
"""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from itertools import accumulate, chain, compress, repeat, takewhile
from operator import call, contains, is_not, itemgetter, truth
from types import BuiltinFunctionType, FrameType
from typing import Any, Final

from blockfreeze.core.main_greenlets import OF_ITS_THREAD, MainGreenlets

_BACK: Final = repeat("f_back")


def greenlet_type() -> type[Any] | None:
    """Return the type of greenlets, if the program has imported it."""
    kind = getattr(sys.modules.get("greenlet"), "greenlet", None)
    # Of a class whose class is `type`, sub-classes are found without running code of theirs.
    return kind if type(kind) is type and "gr_frame" in vars(kind) else None


class Moment:
    """Stacks that were taken at one moment, each a list of frames from the innermost outwards.

    Attributes:
        tops: to whom each stack belongs, a thread's number or a greenlet, with its innermost frame. One that is
            running, or has ended, has none.
        stacks: the frames, in the same order.
        mains: the main greenlets of all threads, if the stacks of all greenlets were taken.
        has_all: whether there were no other stacks at that moment.
    """

    def __init__(self) -> None:
        self.tops: list[tuple[Any, FrameType | None]] = []
        self.stacks: list[list[FrameType]] = []
        self.mains: list[weakref.ref[Any]] = []
        self.has_all = False

    def take_threads(self, mains: MainGreenlets | None = None) -> None:
        """Take the stacks of all threads, and find out whether there are greenlets besides.

        Args:
            mains: the main greenlets that are known; None if nobody asks for greenlets.
        """
        if mains is None or greenlet_type() is None:
            _at_once(self._threads(), self._walks())
            self.has_all = mains is not None
            return
        totals: list[int] = []
        references: list[int] = []
        known = mains.known()
        _at_once(
            partial(totals.extend, map(call, _counter_of_mains())),
            partial(references.extend, map(sys.getrefcount, map(call, known))),
            self._threads(),
            self._walks(),
        )
        self.has_all = totals == [len(known)] and max(references, default=0) <= OF_ITS_THREAD + _COUNTING

    def take_greenlets(self, kind: type[Any], greenlets: list[Any]) -> None:
        """Take the stacks of greenlets that are known."""
        _at_once(self._suspended(kind, greenlets), self._walks())

    def take_all(self, kind: type[Any]) -> None:
        """Take the stacks of all threads, and those of all greenlets, which are of the type `kind`."""
        objects: list[Any] = []
        found: list[Any] = _current_greenlet(kind)
        once: dict[int, Any] = {}
        greenlets: list[Any] = []
        of_kind = map(issubclass, map(type, objects), repeat(kind))
        # The list grows while it is gone through, up to the first greenlet of each thread, which has no parent. What
        # `gc.freeze` has hidden from the collector is found that way, so it begins with the one that runs.
        parents = filter(partial(is_not, None), map(vars(kind)["parent"].__get__, found))
        _at_once(
            partial(objects.extend, _called(gc.get_objects)),
            partial(found.extend, compress(objects, of_kind)),
            objects.clear,
            partial(found.extend, parents),
            partial(once.update, zip(map(id, found), found, strict=False)),
            partial(greenlets.extend, _called(once.values)),
            self._suspended(kind, greenlets),
            self._threads(),
            self._walks(),
        )
        parent_of = vars(kind)["parent"].__get__
        self.mains = [weakref.ref(one) for one in greenlets if parent_of(one) is None]
        self.has_all = True

    def owners(self) -> Iterator[Any]:
        """Return to whom each stack belongs."""
        return map(itemgetter(0), self.tops)

    def forget(self) -> None:
        """Let go of all frames."""
        self.tops.clear()
        for stack in self.stacks:
            stack.clear()
        self.stacks.clear()

    def _threads(self) -> Callable[[], object]:
        return partial(self.tops.extend, chain.from_iterable(map(dict.items, map(call, (sys._current_frames,)))))

    def _suspended(self, kind: type[Any], greenlets: list[Any]) -> Callable[[], object]:
        frame_of = vars(kind)["gr_frame"].__get__  # the type's own, whatever a sub-class has under the name
        return partial(self.tops.extend, zip(greenlets, map(frame_of, greenlets), strict=False))

    def _walks(self) -> Callable[[], object]:
        # Not `zip` for a frame alone: it holds on to the last tuple that it made, and this iterator is on a stack too.
        links = map(chain, map(repeat, map(itemgetter(1), self.tops), repeat(1)), repeat(_BACK))  # frame, "f_back", ...
        return partial(
            self.stacks.extend, map(list, map(takewhile, repeat(truth), map(accumulate, links, repeat(getattr))))
        )


def objects_of(kinds: Collection[type]) -> list[Any]:
    """Return the objects of exactly the types `kinds` that the collector sees."""
    objects: list[Any] = []
    found: list[Any] = []
    of_kinds = map(contains, repeat(kinds), map(type, objects))
    _at_once(
        partial(objects.extend, _called(gc.get_objects)),
        partial(found.extend, compress(objects, of_kinds)),
        objects.clear,
    )
    return found


def _counter_of_mains() -> list[Callable[[], int]]:
    """Return the function that tells how many main greenlets exist, in a list; none if it is not the package's own."""
    found = getattr(sys.modules.get("greenlet._greenlet"), "get_total_main_greenlets", None)
    return [found] if type(found) is BuiltinFunctionType else []


def _current_greenlet(kind: type[Any]) -> list[Any]:
    """Return the greenlet that runs in this thread, in a list; none but in the main thread, which outlives all others.

    To ask makes a main greenlet for a thread that has none, and greenlet forgets that of an ended thread late.
    """
    found = getattr(sys.modules.get("greenlet"), "getcurrent", None)
    main = threading.main_thread().ident == threading.get_ident()
    current = found() if main and type(found) is BuiltinFunctionType else None
    return [current] if isinstance(current, kind) else []


def _called(function: Callable[[], Iterable[Any]]) -> Iterable[Any]:
    """Return what iterates over what `function` returns, which is called when the iteration begins."""
    return chain.from_iterable(map(call, (function,)))


def _at_once(*steps: Callable[[], object]) -> None:
    """Call C functions one after the other, and let no other thread run in between."""
    list(map(call, steps))


def _count_while_counting() -> int:
    kept: set[Any] = set()
    return next(map(sys.getrefcount, map(call, [weakref.ref(kept)]))) - 1


_COUNTING: Final = _count_while_counting()
"""The references that counting those of an object makes, by its weak reference."""
