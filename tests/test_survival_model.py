"""The rule of what survives, against a model of it: random statements, mutations from outside, swaps and ways back."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import blockfreeze as bf

KINDS = ("table", "row", "bag", "known", "count")
"""Each module has one statement of each kind, ``name = <what it makes>``; the name is that of the kind."""


@dataclass
class Version:
    """What one version says: how each statement is written, and what the body puts in beside."""

    written: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    puts: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def text(self) -> str:
        """Return the source. What a statement makes is the same, however it is written."""
        written, puts = self.written, self.puts
        lines = [
            f"table = ({{}}, {written['table']})[0]",
            f"row = ([], {written['row']})[0]",
            f"bag = (set(), {written['bag']})[0]",
            f"class Base:\n    known = ({{}}, {written['known']})[0]\n    count = {written['count'] * 1000}",
            *(f"table['body {one}'] = {one}" for one in puts["table"]),
            *(f"row.append({one})" for one in puts["row"]),
            *(f"bag.add({one})" for one in puts["bag"]),
            *(f"Base.known['body {one}'] = {one}" for one in puts["known"]),
            *("Base.count += 1" for _ in puts["count"]),
        ]
        return "\n".join(lines) + "\n"


@dataclass
class Model:
    """What others have put in and taken out, by statement, as long as a statement is written as it was."""

    version: Version
    done: dict[tuple[str, int], list[tuple[str, int]]] = field(default_factory=dict)

    def expected(self, kind: str) -> Any:
        """Return what is there: what the body puts in, and then what others have done."""
        own = self.version.puts[kind]
        done = self.done.get((kind, self.version.written[kind]), [])
        put = [one for what, one in done if what == "put"]
        out = [one for what, one in done if what == "out"]
        if kind == "count":
            return self.version.written[kind] * 1000 + len(own) + len(put)
        left = [one for one in (*own, *put) if one not in out]
        if kind == "row":
            return left
        return {*left} if kind == "bag" else {f"body {one}" if one in own else f"put {one}": one for one in left}

    def note(self, kind: str, what: str, one: int) -> None:
        """Note what somebody outside has done."""
        self.done.setdefault((kind, self.version.written[kind]), []).append((what, one))


def put(block: Any, kind: str, one: int) -> None:
    """Put something in from outside."""
    if kind == "count":
        block.Base.count += 1
    elif kind == "row":
        block.row.append(one)
    elif kind == "bag":
        block.bag.add(one)
    else:
        found(block, kind)[f"put {one}"] = one


def take_out(block: Any, kind: str, one: int) -> None:
    """Take out what is there."""
    here = found(block, kind)
    if isinstance(here, dict):
        del here[next(key for key, value in here.items() if value == one)]
    else:
        here.remove(one)


def found(block: Any, kind: str) -> Any:
    """Return what is there now."""
    return getattr(block.Base, kind) if kind in ("known", "count") else getattr(block, kind)


COUNTED = itertools.count()

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(KINDS)),
        st.tuples(st.just("out"), st.sampled_from(KINDS[:-1])),
        st.tuples(st.sampled_from(["same", "fail", "discard", "back"]), st.just("")),
        st.tuples(st.sampled_from(["other body", "other statement", "shorter body"]), st.sampled_from(KINDS)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_what_unchanged_statements_make_survives_with_what_was_put_in(
    workshop: Workshop, steps: list[tuple[str, str]]
) -> None:
    numbers = iter(range(1, 10_000))
    model, kept = Model(Version()), None
    block = workshop.freeze(f"survives_{next(COUNTED)}", model.version.text())
    for step, kind in steps:
        version = copy.deepcopy(model.version)
        if step == "put":
            one = next(numbers)
            put(block, kind, one)
            model.note(kind, step, one)
        elif step == "out":
            there = model.expected(kind)
            if there:
                one = min(there.values() if isinstance(there, dict) else there)
                take_out(block, kind, one)
                model.note(kind, step, one)
        elif step == "fail":
            with pytest.raises(bf.PrepareError):
                bf.swap(block, source=version.text() + "\n1 / 0\n")
        elif step == "discard":
            version.puts["table"].append(next(numbers))
            bf.prepare(block, source=version.text()).discard()
        elif step == "back":
            if kept is not None:
                bf.rollback(block)
                model.version, kept = kept, None
        else:
            if step == "other body":
                version.puts[kind].append(next(numbers))
            elif step == "shorter body" and version.puts[kind]:
                version.puts[kind].pop()
            elif step == "other statement":
                version.written[kind] = next(numbers)
            bf.swap(block, source=version.text())
            model.version, kept = version, model.version
        assert {kind: found(block, kind) for kind in KINDS} == {kind: model.expected(kind) for kind in KINDS}
