"""Every feature of the language that updating tools break on, v1 -> v2 -> v1: value, identity, calls in flight.

The expected values are those of the plain modules: each version is imported as Python does, asked, and forgotten.
"""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import pickle
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from pairs import NAMES, Pair, feature_pair, feature_texts, own_functions
from threads import LIMIT, ParkedCall

import blockfreeze as bf

every_feature = pytest.mark.parametrize("feature", NAMES)
with_facts = [feature for feature in NAMES if "\ndef facts():" in feature_texts(feature)[0]]
with_bound_methods = [feature for feature in NAMES if "\ndef bound():" in feature_texts(feature)[0]]

_LRU_WRAPPER = type(functools.lru_cache(len))


def ways_back(pair: Pair) -> dict[str, Callable[[], object]]:
    return {"rollback": lambda: bf.rollback(pair.name), "swap": lambda: pair.swap("v1")}


@pytest.fixture
def pair(feature: str, tmp_path: Path) -> Iterator[Pair]:
    made = feature_pair(tmp_path, feature)
    yield made
    made.forget()


def plain_answers(pair: Pair, ask: Callable[[ModuleType], object] | None = None) -> tuple[object, object]:
    """Return what each plain version answers, to `probe` if nothing else is asked."""
    answers = []
    for version in ("v1", "v2"):
        with pair.plain(version) as module:
            answers.append(ask(module) if ask else module.probe())
    return answers[0], answers[1]


def import_from(module: ModuleType, names: list[str]) -> ModuleType:
    """Make a foreign module that holds the names by `from module import ...`."""
    importer = ModuleType(f"importer_of_{module.__name__}")
    sys.modules[importer.__name__] = importer
    exec(f"from {module.__name__} import {', '.join(names)}", vars(importer))
    return importer


def classes_that_keep_their_shape(pair: Pair) -> list[str]:
    """Return the top-level class statements with the same metaclass, bases and slots in both plain versions.

    A base that the statement itself makes, by a call of `namedtuple`, is another one each time.
    """
    shapes = []
    for version in ("v1", "v2"):
        with pair.plain(version) as module:
            classes = [node for node in ast.parse(pair.text(version)).body if isinstance(node, ast.ClassDef)]
            names = [node.name for node in classes if not any(isinstance(base, ast.Call) for base in node.bases)]
            kinds = {name: vars(module)[name] for name in names}
            shapes.append(
                {
                    name: (type(kind).__name__, [str(base) for base in kind.__bases__], vars(kind).get("__slots__"))
                    for name, kind in kinds.items()
                }
            )
    return [name for name, shape in shapes[0].items() if shapes[1].get(name) == shape]


@every_feature
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
@pytest.mark.parametrize("back", ["rollback", "swap"])
def test_values_go_to_v2_and_come_back(pair: Pair, back: str, late: bool) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze(late=late)
    assert module.probe() == first
    assert pair.swap("v2").kind == "swap"
    assert module.probe() == second
    ways_back(pair)[back]()
    assert module.probe() == first
    pair.swap("v2")
    assert module.probe() == second
    bf.drain(module, timeout=LIMIT)
    assert module.probe() == second


@pytest.mark.parametrize("feature", with_facts)
@pytest.mark.parametrize("back", ["rollback", "swap"])
def test_what_the_interpreter_knows_of_functions_and_classes_follows_the_swaps(pair: Pair, back: str) -> None:
    """Abstract methods, `isinstance` answers that are cached, type hints: there is one of each, not one per caller."""
    first, second = plain_answers(pair, lambda plain: plain.facts())
    module = pair.freeze()
    assert module.facts() == first
    pair.swap("v2")
    assert module.facts() == second
    ways_back(pair)[back]()
    assert module.facts() == first
    bf.drain(module, timeout=LIMIT)
    pair.swap("v2")
    assert module.facts() == second


@every_feature
@pytest.mark.parametrize("back", ["rollback", "swap"])
def test_the_module_and_its_functions_are_the_same_objects_for_ever(pair: Pair, back: str) -> None:
    module = pair.freeze()
    functions = own_functions(module)
    assert {"make", "use", "probe"} <= functions.keys()

    def still_the_same() -> None:
        assert sys.modules[pair.name] is module
        now = own_functions(module)
        for name in functions.keys() & now.keys():
            assert now[name] is functions[name], name
            assert getattr(module, name) is functions[name], name

    still_the_same()
    pair.swap("v2")
    still_the_same()
    gained = {name: function for name, function in own_functions(module).items() if name not in functions}
    ways_back(pair)[back]()
    still_the_same()
    bf.drain(module, timeout=LIMIT)
    pair.swap("v2")
    still_the_same()
    assert all(getattr(module, name) is function for name, function in gained.items())


@every_feature
@pytest.mark.parametrize("back", ["rollback", "swap"])
def test_a_class_keeps_its_identity_where_its_shape_allows(pair: Pair, back: str) -> None:
    keeping = classes_that_keep_their_shape(pair)
    module = pair.freeze()
    kinds = {name: getattr(module, name) for name in keeping}
    held = module.make()
    own = {name: type(thing) for name, thing in held.items() if type(thing) in kinds.values()}

    def still_the_same() -> None:
        for name, kind in kinds.items():
            assert getattr(module, name) is kind, name
        for name, kind in own.items():
            assert type(held[name]) is kind
            assert isinstance(held[name], getattr(module, kind.__name__))

    report = pair.swap("v2")
    assert {one.name for one in report.replaced_classes}.isdisjoint(f"{pair.name}.{name}" for name in keeping)
    still_the_same()
    ways_back(pair)[back]()
    still_the_same()
    bf.drain(module, timeout=LIMIT)
    still_the_same()


@pytest.mark.needs_threads
@every_feature
def test_a_parked_call_finishes_in_v1_while_new_calls_get_v2(pair: Pair) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze()
    with ParkedCall(module.in_flight) as parked:
        pair.swap("v2")
        assert module.probe() == second
        assert "thread" in [one.kind for one in bf.status(module).lingering]
        with pytest.raises(bf.DrainTimeoutError) as caught:
            bf.drain(module, timeout=0)
        assert [one.owner for one in caught.value.lingering] == ["parked call"]
        assert parked.finish() == [first, first, first]
    bf.drain(module, timeout=LIMIT)
    gc.collect()  # a nested function that calls itself is a cycle, and lingers as a closure until it is collected
    assert bf.status(module).lingering == ()
    assert module.in_flight(lambda: None) == [second, second, second]


@pytest.mark.needs_threads
@every_feature
def test_calls_parked_before_each_of_three_commits_finish_where_they_began(pair: Pair) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze()
    with ParkedCall(module.in_flight) as oldest:
        pair.swap("v2")
        with ParkedCall(module.in_flight) as newer:
            bf.rollback(module)
            with ParkedCall(module.in_flight) as newest:
                pair.swap("v2")
                assert module.probe() == second
                assert newest.finish() == [first, first, first]
            assert newer.finish() == [second, second, second]
        assert oldest.finish() == [first, first, first]
    bf.drain(module, timeout=LIMIT)
    assert module.probe() == second


@every_feature
def test_a_call_whose_gate_swaps_the_block_finishes_in_v1(pair: Pair) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze()
    assert module.in_flight(lambda: pair.swap("v2")) == [first, first, first]
    assert module.probe() == second
    assert module.in_flight(lambda: bf.rollback(module)) == [second, second, second]
    assert module.probe() == first


@every_feature
def test_a_suspended_generator_finishes_in_v1_while_new_ones_are_v2(pair: Pair) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze()
    untouched, suspended = module.steps(), module.steps()
    assert next(suspended) == first
    pair.swap("v2")
    assert list(module.steps()) == [second, second, second]
    assert {one.kind for one in bf.status(module).lingering} >= {"generator"}
    assert list(suspended) == [first, first]
    assert list(untouched) == [first, first, first]
    bf.drain(module, timeout=LIMIT)
    assert list(module.steps()) == [second, second, second]


@every_feature
def test_from_imports_and_tables_follow_the_swaps(pair: Pair) -> None:
    first, second = plain_answers(pair)
    with pair.plain("v2") as module:
        in_both = set(vars(module))
    module = pair.freeze()
    followed = (type, FunctionType, functools.partial, _LRU_WRAPPER)
    names = [
        name
        for name, value in vars(module).items()
        if name in in_both and not name.startswith("__") and isinstance(value, followed)
    ]
    importer = import_from(module, names)
    table = {name: getattr(importer, name) for name in ("make", "use", "probe")}

    def called() -> list[object]:
        return [importer.probe(), importer.use(importer.make()), table["probe"](), table["use"](table["make"]())]

    try:
        assert called() == [first] * 4
        for change, expected in ((lambda: pair.swap("v2"), second), (lambda: bf.rollback(module), first)) * 2:
            change()
            assert called() == [expected] * 4
            assert [name for name in names if getattr(importer, name) is not getattr(module, name)] == []
    finally:
        del sys.modules[importer.__name__]


@every_feature
def test_what_v1_made_works_in_v2_and_what_v2_made_works_in_v1(pair: Pair) -> None:
    first, second = plain_answers(pair)
    module = pair.freeze()
    from_v1 = module.make()
    pair.swap("v2")
    assert module.use(from_v1) == second
    from_v2 = module.make()
    bf.drain(module, timeout=LIMIT)
    assert module.use(from_v1) == second
    bf.rollback(module)
    assert module.use(from_v1) == first
    assert module.use(from_v2) == first
    bf.drain(module, timeout=LIMIT)
    assert module.use(from_v2) == first


@pytest.mark.parametrize("feature", with_bound_methods)
def test_bound_methods_taken_before_a_swap_follow_it(pair: Pair) -> None:
    first, second = plain_answers(pair, lambda plain: [call() for call in plain.bound()])
    module = pair.freeze()
    taken = module.bound()
    assert [call() for call in taken] == first
    pair.swap("v2")
    assert [call() for call in taken] == second
    bf.drain(module, timeout=LIMIT)
    assert [call() for call in taken] == second
    pair.swap("v1")
    assert [call() for call in taken] == first


@every_feature
def test_pickles_go_both_ways_between_the_versions(pair: Pair) -> None:
    first, second = plain_answers(pair)
    with pair.plain("v1") as module:
        from_plain = pickle.dumps(module.make())
    module = pair.freeze()
    assert module.use(pickle.loads(from_plain)) == first
    functions = own_functions(module)
    from_v1 = pickle.dumps(module.make())
    functions_from_v1 = pickle.dumps(functions)
    pair.swap("v2")
    assert module.use(pickle.loads(from_v1)) == second
    from_v2 = pickle.dumps(module.make())
    for name, function in pickle.loads(pickle.dumps(own_functions(module))).items():
        assert function is getattr(module, name)
    bf.rollback(module)
    assert module.use(pickle.loads(from_v2)) == first
    assert all(function is functions[name] for name, function in pickle.loads(functions_from_v1).items())


@every_feature
def test_functions_describe_the_version_that_serves(pair: Pair) -> None:
    def described(module: ModuleType) -> dict[str, object]:
        return {name: description(function) for name, function in own_functions(module).items()}

    first, second = plain_answers(pair, described)
    module = pair.freeze()
    assert described(module) == first
    pair.swap("v2")
    assert described(module) == second
    bf.rollback(module)
    assert described(module) == first


def description(function: FunctionType) -> tuple[object, ...]:
    """Return what frameworks ask of a function; annotations that are text are asked for what they mean."""
    spec = inspect.getfullargspec(function)
    written = function.__code__.co_filename == sys.modules[function.__module__].__file__
    return (
        [(one.name, one.kind, nameless(one.default)) for one in inspect.signature(function).parameters.values()],
        (spec.args, spec.varargs, spec.varkw, nameless(spec.defaults), spec.kwonlyargs, nameless(spec.kwonlydefaults)),
        (function.__name__, function.__qualname__, function.__module__, inspect.getdoc(function)),
        (inspect.getsource(function) if written else None, nameless(typing.get_type_hints(function))),
        (inspect.iscoroutinefunction(function), inspect.isasyncgenfunction(function)),
        (inspect.isgeneratorfunction(function), type(function)),
    )


def nameless(value: object) -> str:
    """Show a value without the addresses in it, which differ from import to import."""
    return re.sub(r"0x[0-9a-f]+", "0x", repr(value))


@every_feature
def test_the_keys_of_the_module_are_those_of_the_version_that_serves(pair: Pair) -> None:
    expected = {}
    for version in ("v1", "v2"):
        with pair.plain(version) as module:
            expected[version] = (set(vars(module)), dir(module))
    module = pair.freeze()
    assert (set(vars(module)), dir(module)) == expected["v1"]
    pair.swap("v2")
    assert (set(vars(module)), dir(module)) == expected["v2"]
    bf.rollback(module)
    assert (set(vars(module)), dir(module)) == expected["v1"]
