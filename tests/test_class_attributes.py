"""What a body sets on a class after its statement: nobody sees it before the commit, nor after a failure."""

from __future__ import annotations

import itertools
import pickle
import re
import sys
from collections.abc import Callable
from textwrap import dedent
from types import FrameType
from typing import Any

import pytest
from conftest import Workshop
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from threads import ThreadedCall, elsewhere

import blockfreeze as bf
from blockfreeze.identity import class_attributes

OUTSIDE = """
class Meta(type):
    told = []
    def __init__(cls, *args):
        super().__init__(*args)
        Meta.told.append(cls)

class Told(metaclass=Meta): pass

def look(): pass
"""

CLASSES = '''
import outside

class Carried(outside.Told):
    """version %s"""
    def method(self): return V
    def other(self): return V

class Plain:
    """version %s"""
    def method(self): return V
    def other(self): return V
    def passing(self): return V

class Below(Plain): pass

def helped(target, value):
    target.helped = value

def helped_too(cls, value):
    setattr(cls, "helped_too", value)

for one in (Carried, Plain):
    one.looped = V
    one.looped += 1
    setattr(one, "set", V)
    helped(one, V)
    helped_too(one, V)
    one.__doc__ = one.__doc__ % V
    one.method.__doc__ = "V"
    one.added = lambda self: V
    one.alias = one.other
    one.gone = V
    del one.gone
    one.gone_too = V
    delattr(one, "gone_too")
Plain.direct = Carried.direct = V
if V != 2:
    Plain.sometimes = V
for name, value in list(vars(Plain).items()):
    if name == "passing":
        del Plain.passing
[setattr(Plain, name, V) for name in ("first", "second")]
outside.look()
'''


def version(number: int) -> str:
    return CLASSES.replace("V", str(number))


def seen(module: Any) -> dict[str, Any]:
    """Return what a call that goes on sees of the classes."""
    found: dict[str, Any] = {}
    for cls in (module.Carried, module.Plain, module.Below):
        names = ("looped", "set", "helped", "helped_too", "direct", "sometimes", "first", "second", "gone", "gone_too")
        found |= {f"{cls.__name__}.{name}": getattr(cls, name, None) for name in (*names, "passing", "__doc__")}
        instance = cls()
        found[f"{cls.__name__}()"] = [instance.method(), instance.added(), instance.alias(), cls.method.__doc__]
    return found


def expected(number: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("Carried", "Plain", "Below"):
        plain = name != "Carried"
        values = {"looped": number + 1, **dict.fromkeys(("set", "helped", "helped_too", "direct"), number)}
        values |= {"sometimes": number if plain and number != 2 else None}
        values |= dict.fromkeys(("first", "second"), number if plain else None)
        values |= dict.fromkeys(("gone", "gone_too", "passing"))
        values["__doc__"] = None if name == "Below" else f"version {number}"
        found |= {f"{name}.{attribute}": value for attribute, value in values.items()}
        found[f"{name}()"] = [number, number, number, str(number)]
    return found


@pytest.mark.needs_threads
def test_nobody_sees_what_a_body_sets_on_a_class_before_the_commit_or_after_a_failure(workshop: Any) -> None:
    workshop.write("outside.py", OUTSIDE)
    outside = workshop.load("outside")
    module = workshop.freeze("classes", version(1), history=4)
    made = [module.Carried, module.Plain, module.Below]
    before: list[dict[str, Any]] = []
    outside.look = lambda: before.append(elsewhere(lambda: seen(module)))
    assert seen(module) == expected(1)
    for number in (2, 3):
        bf.swap(module, source=version(number))
        assert seen(module) == expected(number)

        def fail() -> None:
            before.append(elsewhere(lambda: seen(module)))
            raise RuntimeError

        outside.look, look = fail, outside.look
        with pytest.raises(bf.PrepareError):
            bf.swap(module, source=version(number + 5))
        outside.look = look
        assert seen(module) == expected(number)
    assert before == [expected(1), expected(2), expected(2), expected(3)]
    bf.rollback(module)
    assert seen(module) == expected(2)
    bf.rollback(module, to=1)
    assert seen(module) == expected(1)
    assert [module.Carried, module.Plain, module.Below] == made
    assert outside.Meta.told == [outside.Told, module.Carried]


def test_a_call_that_goes_on_keeps_the_attributes_of_its_version(workshop: Any) -> None:
    text = """
        class Counted: pass
        Counted.limit = V
        Counted.table = {"limit": V}
        def go_on():
            while True:
                yield Counted.limit, Counted.table, Counted().limit
    """
    module = workshop.freeze("limits", text.replace("V", "1"))
    running = [module.go_on()]
    assert next(running[0]) == (1, {"limit": 1}, 1)
    for number in (2, 3):
        bf.swap(module, source=dedent(text.replace("V", str(number))))
        running.append(module.go_on())
        assert [next(one) for one in running] == [(at, {"limit": at}, at) for at in range(1, number + 1)]
    for one in running:
        one.close()
    bf.drain(module, timeout=30)
    assert "limit" in vars(module.Counted)
    assert type(vars(module.Counted)["limit"]) is int


def functions_called(call: Callable[[], object]) -> list[str]:
    """Return the files of the Python functions that run while `call` does."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found.append(frame.f_code.co_filename.rpartition("/")[2])

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def test_nothing_stands_between_a_block_and_its_class_attributes_while_no_versions_overlap(workshop: Any) -> None:
    text = """
        class Counted:
            total = 0
            gone = 0
            def count(self):
                type(self).total += 1
            @classmethod
            def look(cls):
                return cls.__dict__["total"]
        def count():
            Counted.total += 1
            Counted.gone = 1
            del Counted.gone
            return Counted.look()
        def go_on():
            while True:
                yield count(), Counted().count()
        def load():
            from counting import late
            return late
    """
    workshop.write("counting/__init__.py", text)
    workshop.write("counting/late.py", "class Late: pass\ndef mark(): Late.mark = 1\n")
    module = bf.freeze_block("counting")

    def alone(call: Callable[[], object], *files: str) -> bool:
        # A forwarder's frame shows the file of the function.
        return set(functions_called(call)) == set(files)

    def all_alone() -> bool:
        inside = alone(module.count, "__init__.py") and alone(module.Counted().count, "__init__.py")
        return inside and alone(module.load().mark, "late.py")

    assert all_alone()
    running = module.go_on()
    next(running)
    bf.swap(module)
    assert not alone(module.count, "__init__.py")
    assert not alone(module.load().mark, "late.py")
    running.close()
    bf.drain(module, timeout=30)
    assert all_alone()
    with pytest.raises(bf.PrepareError):
        bf.swap(module, source={"counting": dedent(text) + "\nraise ValueError\n"})
    assert all_alone()
    with bf.prepare(module) as candidate:
        assert candidate.Counted  # a class may be used at any time: the candidate does not rest any more
        assert not alone(module.count, "__init__.py")
    assert all_alone()
    bf.swap(module)
    bf.rollback(module)
    bf.drain(module, timeout=30)
    assert all_alone()


def test_what_was_set_on_a_class_that_its_statement_does_not_set_stays(workshop: Any) -> None:
    text = """
        class Node: pass
        def mark(value):
            Node.marked = value
        def read():
            return getattr(Node, "marked", None), getattr(Node, "noted", None)
        def go_on():
            while True:
                yield read()
    """
    module = workshop.freeze("marks", text)
    module.mark(1)
    module.Node.noted = "outside"  # by somebody whom no version's code knows
    running = module.go_on()
    assert next(running) == module.read() == (1, "outside")
    bf.swap(module)
    assert (next(running), module.read()) == ((1, "outside"), (1, "outside"))
    module.mark(2)
    assert (next(running), module.read()) == ((1, "outside"), (2, "outside"))
    running.close()
    bf.drain(module, timeout=30)
    assert module.read() == (2, "outside")
    bf.rollback(module)
    assert module.read() == (2, "outside")


def test_to_delete_what_only_another_version_has_fails_and_takes_it_from_nobody(workshop: Any) -> None:
    text = """
        class Till:
            extra = 1
        def drop():
            del Till.extra
        def go_on():
            while True:
                yield Till.extra
    """
    module = workshop.freeze("drops", text)
    running = module.go_on()
    assert next(running) == 1
    after = dedent(text).replace("extra = 1", "pass")
    bf.swap(module, source=after)
    with pytest.raises(AttributeError, match="type object 'Till' has no attribute 'extra'"):
        module.drop()
    assert next(running) == 1
    with pytest.raises(bf.PrepareError) as caught:
        bf.swap(module, source=after + "del Till.extra\n")
    assert isinstance(caught.value.__cause__, AttributeError)
    assert next(running) == 1


@pytest.mark.needs_threads
def test_what_is_set_while_the_overlap_ends_is_not_lost(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        class Till:
            extra = V
        def mark(value):
            Till.extra = value
        def go_on():
            while True:
                yield Till.extra
    """
    module = workshop.freeze("marks", text.replace("V", "1"))
    running = module.go_on()
    assert next(running) == 1
    bf.swap(module, source=dedent(text).replace("V", "2"))
    real, calls = class_attributes.set_attribute, []

    def set_attribute(cls: type, name: str, value: Any) -> None:
        if name == "extra":  # its value has been chosen
            calls.append(ThreadedCall(module.mark, 3))
            calls[-1].join(0.2)  # it is done, or waits until the attribute is plain
        real(cls, name, value)

    monkeypatch.setattr(class_attributes, "set_attribute", set_attribute)
    running.close()
    bf.drain(module, timeout=30)
    assert calls
    calls[-1].result()
    assert module.Till.extra == 3


def test_a_class_that_says_it_is_of_another_module_keeps_its_identity(workshop: Any) -> None:
    text = "class Public:\n    def version(self): return V\nPublic.__module__ = 'somewhere.else'\n"
    module = workshop.freeze("inner", text.replace("V", "1"))
    public, made = module.Public, module.Public()
    report = bf.swap(module, source=text.replace("V", "2"))
    assert (report.replaced_classes, module.Public, made.version()) == ((), public, 2)
    assert public.__module__ == "somewhere.else"
    bf.swap(module, source=text.replace("V", "3").replace("somewhere", "elsewhere"))
    assert (public.__module__, made.version()) == ("elsewhere.else", 3)
    bf.rollback(module)
    assert (public.__module__, made.version()) == ("somewhere.else", 2)


def test_what_cannot_be_set_or_deleted_is_said_as_by_the_built_ins(workshop: Any) -> None:
    module = workshop.freeze("mistakes", "class One: pass\n")
    for statement, error in [
        ("del One.missing", AttributeError),
        ("delattr(One, 'missing')", AttributeError),
        ("setattr(One, 1, 2)", TypeError),
        ("setattr(One, 'name')", TypeError),
        ("setattr(object, 'name', 1)", TypeError),
        ("One.__bases__ = ()", TypeError),
    ]:
        with pytest.raises(bf.PrepareError) as caught:
            bf.swap(module, source=f"class One: pass\n{statement}\n")
        plain: dict[str, Any] = {}
        with pytest.raises(error) as meant:
            exec(f"class One: pass\n{statement}\n", plain)
        assert type(caught.value.__cause__) is error, statement
        assert str(caught.value.__cause__) == str(meant.value) or "setattr" in statement
    assert not [name for name in vars(module.One) if not name.startswith("__")]


def test_a_module_may_have_a_setattr_of_its_own(workshop: Any) -> None:
    text = """
        class One: pass
        def setattr(target, name, value, times=2):
            type.__setattr__(target, name, value * times)
        def delattr(*args): return args
        setattr(One, "set", V)
        taken = delattr(One, "set", 1)
        own = setattr
        def change(cls): setattr(cls, "later", V, times=3)
    """
    module = workshop.freeze("own_setattr", text.replace("V", "1"))
    for number in (1, 2):
        bf.swap(module, source=dedent(text.replace("V", str(number))))
        module.change(module.One)
        assert (module.One.set, module.One.later, module.taken) == (number * 2, number * 3, (module.One, "set", 1))
        assert module.own is module.setattr


def test_the_built_in_is_itself_where_it_is_not_called(workshop: Any) -> None:
    text = "class One: pass\nkept = setattr\nTABLE = {'set': setattr, 'del': delattr}\nkept(One, 'it', 1)\n"
    module = workshop.freeze("kept_setattr", text)
    bf.swap(module)
    assert module.kept is setattr
    assert {"set": setattr, "del": delattr} == module.TABLE
    assert module.One.it == 1


CHOSEN_STRUCTURE = """
from ctypes import *
if sizeof(c_int) == 3:
    Node = c_long
else:
    class Node(Structure):
        _fields_ = [('next', c_int)]
"""


def test_a_structure_whose_fields_are_set_later_stays_unless_they_change(workshop: Any) -> None:
    for at, text in enumerate(
        [
            "import ctypes\nclass Node(ctypes.Structure): pass\nNode._fields_ = [('next', ctypes.POINTER(Node))]\n",
            "from ctypes import *\nclass Node(Structure): pass\nNode._fields_ = [('next', POINTER(Node))]\n",
            CHOSEN_STRUCTURE,
        ]
    ):
        workshop.write(f"nodes{at}.py", text)
        frozen = bf.freeze_block(f"nodes{at}")
        node = frozen.Node()
        for _ in range(2):
            report = bf.swap(frozen)
            assert not report.replaced_classes
            assert (type(node) is frozen.Node, bool(node.next), bool(frozen.Node().next)) == (True, False, False)
        report = bf.swap(frozen, source=text.replace("('next'", "('more'"))
        assert [one.name for one in report.replaced_classes] == [f"nodes{at}.Node"]
        assert "sets attributes in its own way" in report.replaced_classes[0].reason
        assert hasattr(frozen.Node, "more")
        assert not hasattr(type(node), "more")


MEMBERS = """
    import enum, outside
    class Size(enum.Enum):
        SMALL = 1
        LARGE = 2
    for one in Size:
        one.label = one.name.lower() + "V"
        setattr(one, "number", V)
    if V != 1:
        Size.LARGE.later = V
        del Size.LARGE.number
    Size.shown = V
    if V != 1:
        del Size.shown
        Size.shown_later = V
    LABELS = {one: one.label for one in Size}
    outside.look()
    def look():
        shown = getattr(Size, "shown", None), getattr(Size, "shown_later", None)
        return [(one.label, vars(one).get("number"), vars(one).get("later"), LABELS[one], *shown) for one in Size]
"""


@pytest.mark.needs_threads
def test_what_bodies_set_on_members_of_an_enumeration_is_put_back_after_a_failure_or_a_rollback(workshop: Any) -> None:
    workshop.write("outside.py", OUTSIDE)
    outside = workshop.load("outside")
    module = workshop.freeze("sizes", MEMBERS.replace("V", "1"))
    small = module.Size.SMALL
    states = {1: [("small1", 1, None, "small1", 1, None), ("large1", 1, None, "large1", 1, None)]}
    for at in (2, 3):
        states[at] = [
            (f"small{at}", at, None, f"small{at}", None, at),
            (f"large{at}", None, at, f"large{at}", None, at),
        ]
    assert module.look() == states[1]
    for at in (2, 3):

        def fail(at: int = at) -> None:
            shown = elsewhere(lambda: (getattr(module.Size, "shown", None), getattr(module.Size, "shown_later", None)))
            assert shown == states[at - 1][0][4:]
            raise ZeroDivisionError

        outside.look = fail
        with pytest.raises(bf.PrepareError):
            bf.swap(module, source=dedent(MEMBERS.replace("V", str(at + 5))))
        assert module.look() == states[at - 1]
        outside.look = lambda: None
        bf.swap(module, source=dedent(MEMBERS.replace("V", str(at))))
        assert module.look() == states[at]
        assert module.Size.SMALL is small
        bf.rollback(module)
        assert module.look() == states[at - 1]
        bf.swap(module, source=dedent(MEMBERS.replace("V", str(at))))
        assert module.look() == states[at]


def test_a_name_may_mean_a_class_and_then_what_is_made_of_it(workshop: Any) -> None:
    text = """
        import ctypes, functools, outside
        class Null:
            def __repr__(self): return "null V"
        Null = Null()
        @functools.total_ordering
        class Least:
            def __lt__(self, other): return V
            def __eq__(self, other): return self is other
        Least = Least()
        if ctypes.sizeof(ctypes.c_int) == 3:
            Told = None
        else:
            @outside.mark
            class Told(outside.Told):
                def version(self): return V
        class Wrapped(outside.Told):
            def version(self): return V
        Wrapped = outside.mark(Wrapped)
        class Plain(outside.Told):
            def version(self): return V
        Plain = Plain
        def look(): return [repr(Null), Least < 1, Told().version(), Told.mark, Wrapped().version(), Plain().version()]
    """
    workshop.write(
        "outside.py", OUTSIDE + "def mark(cls):\n    cls.mark = getattr(cls, 'mark', 0) + 1\n    return cls\n"
    )
    module = workshop.freeze("meanings", text.replace("V", "1"))
    assert module.look() == ["null 1", 1, 1, 1, 1, 1]
    for at in (2, 3):
        bf.swap(module, source=dedent(text.replace("V", str(at))))
        assert module.look() == [f"null {at}", at, at, 1, at, at]


FORMS = (
    "X.a = V",
    "X.a = [V]",
    "X.a = lambda self: V",
    "X.a = property(lambda self: V)",
    "X.a = staticmethod(lambda: V)",
    "X.a = classmethod(lambda cls: (cls.__name__, V))",
    "X.a = one",
    "X.a = X.one",
    "X.one = wrapped(X.one)",
    "X.b = wrapped(X.one)",
    "X.b = X.__doc__",
    "X.one = one",
    "X.one.mark = V",
    "X.b = X.one.__name__, X.one.__qualname__",
    "X.__doc__ = f'{X.__doc__} {V}'",
    "X.__call__ = lambda self: V",
    "X.__len__ = lambda self: V",
    "X.__eq__ = lambda self, other: V == 2",
    "X.__getattr__ = lambda self, name: (name, V)",
    "X.both = 'text'\nX.both += str(V)",
    "X.one.__doc__ = 'V'",
    "if hasattr(X, 'a'): del X.a",
    "if 'b' in vars(X): delattr(X, 'b')",
    "if 'one' in X.__dict__: del X.one",
    "for name in ('a', 'b'): setattr(X, name, (name, V))",
    "told(X)",
    "told_too(X, V)",
    "X.table[V] = V",
    "X.table = {**X.table, V: V}",
    "X.Inner.a = V",
    "X.Inner = type('Inner', (), {'a': V})",
    "X.b = sorted(name for name in vars(X) if not name.startswith('_'))",
    "X.a = X.Inner",
    "X.b = Base.one",
    "X.a = super(Y, Y).one",
)

BEGIN = '''
import functools
def wrapped(function):
    @functools.wraps(function)
    def outer(*args): return "wrapped", V, function(*args)
    return outer
def told(target):
    target.a = "told", V
def told_too(klass, value):
    setattr(klass, "b", value)
    klass.c = value
    del klass.c
def one(self=None): return "function", V
class Base:
    """A base."""
    def one(self): return "base", V
class X(Base):
    """A class."""
    table = {}
    class Inner:
        a = 0
    def one(self): return "method", V
    def two(self): return self.one(), V
class Y(X):
    pass
'''

END = """
def text_of(value):
    if isinstance(value, type): return value.__qualname__
    if isinstance(value, Base): return type(value).__qualname__
    if callable(value):
        try: return "called", value.__name__, text_of(value())
        except TypeError as error: return "not called", value.__name__
    return [text_of(item) for item in value] if isinstance(value, list) else repr(value)
NAMES = ("a", "b", "both", "c", "one", "two", "table", "Inner", "__doc__", "__call__", "__len__", "__hash__")
def look():
    found = {}
    for cls in (X, Y, X.Inner):
        instance = cls()
        for name in NAMES:
            for of, holder in (("class", cls), ("instance", instance)):
                try: value = getattr(holder, name)
                except AttributeError: continue
                if name not in ("__hash__", "__call__") or of == "class": found[cls.__name__, of, name] = text_of(value)
        method = getattr(cls, "one", None)
        # An attribute of a function of the module is the block's, not one version's, where it is reached as a value.
        found[cls.__name__, "mark"] = getattr(method, "mark", None) if method is not one else None
        found[cls.__name__, "equal"] = instance == cls()
    return found
def go_on():
    while True: yield look()
"""


def answer(found: dict[Any, Any]) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", repr(found)).replace("blockfreeze_legacy", "")


def plain_answer(text: str, name: str) -> str:
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), namespace)
    return answer(namespace["look"]())


_names = itertools.count()


@pytest.mark.needs_threads
@given(versions=st.lists(st.lists(st.sampled_from(FORMS), max_size=5), min_size=2, max_size=4))
@settings(max_examples=60)
def test_classes_that_bodies_change_are_as_in_the_plain_module_in_every_version(
    versions: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"changed_{next(_names)}"
    texts = [BEGIN + "\n".join(forms) + END for forms in versions]
    texts = [text.replace("V", str(number)) for number, text in enumerate(texts, start=1)]
    try:
        meant = [plain_answer(text, name) for text in texts]
    except (AttributeError, TypeError):
        reject()
    shop = Workshop(tmp_path_factory.mktemp("changed"))
    shop.write(f"{name}.py", texts[0])
    with pytest.MonkeyPatch.context() as patcher:
        patcher.syspath_prepend(str(shop.path))
        module = bf.freeze_block(name, history=len(texts))
        running = [module.go_on()]
        assert answer(next(running[0])) == meant[0]
        for at, text in enumerate(texts[1:], start=1):
            with pytest.raises(bf.PrepareError):
                bf.swap(module, source=f"{text}\nraise LookupError\n")
            assert answer(elsewhere(module.look)) == meant[at - 1]
            bf.swap(module, source=text)
            running.append(module.go_on())
            assert [answer(next(one)) for one in running] == meant[: at + 1]
            assert answer(elsewhere(module.look)) == meant[at]
        for at in reversed(range(len(texts) - 1)):
            bf.rollback(module)
            assert answer(elsewhere(module.look)) == meant[at]
            assert [answer(next(one)) for one in running] == meant
        for one in running:
            one.close()
        bf.drain(module, timeout=30)
        assert answer(module.look()) == meant[0]
        shop.forget()


def test_an_attribute_that_the_metaclass_has_a_property_for_changes_as_well(workshop: Any) -> None:
    text = """
        class Meta(type):
            @property
            def fields(cls): return "of the class, {version}"
        class Model(metaclass=Meta):
            @property
            def fields(self): return "of an instance, {version}"
        def go_on(model):
            while True:
                yield model.fields, Model.fields
    """
    module = workshop.freeze("fields", text.format(version=1))
    model = module.Model()
    running = module.go_on(model)
    next(running)
    bf.swap(module, source=dedent(text).format(version=2))
    assert (model.fields, module.Model.fields) == ("of an instance, 2", "of the class, 2")
    assert next(running) == ("of an instance, 1", "of the class, 1")
    running.close()
    bf.drain(module, timeout=30)
    assert (model.fields, module.Model.fields) == ("of an instance, 2", "of the class, 2")
    bf.swap(module, source=dedent(text).format(version=3).replace("def fields(self)", "def other(self)"))
    with pytest.raises(AttributeError):
        _ = model.fields
    bf.rollback(module)
    assert model.fields == "of an instance, 2"


def test_a_class_that_is_shown_under_another_module_keeps_its_identity(workshop: Any) -> None:
    text = """
        def shown(cls):
            cls.__module__ = "renamed"
            return cls
        def made(): return Url()
        @shown
        class Url:
            def __eq__(self, other): return type(other) is Url
            def say(self): return {version}
        @shown
        class Missing(Exception): pass
        def fail(): raise Missing
    """
    workshop.write("renamed/__init__.py", "from ._url import Missing, Url, fail, made\n")
    workshop.write("renamed/_url.py", text.format(version=1))
    block = bf.freeze_block("renamed")
    url, missing = block.Url, block.Missing
    one = block.made()
    for version in (2, 3):
        workshop.write("renamed/_url.py", text.format(version=version))
        assert bf.swap(block).replaced_classes == ()
        assert (block.Url, block.Missing) == (url, missing)
        assert (one == block.made(), one.say(), pickle.loads(pickle.dumps(one)) == one) == (True, version, True)
        with pytest.raises(missing):
            block.fail()
    bf.rollback(block)
    assert one.say() == 2


def test_a_class_may_have_a_property_for_the_module_that_it_is_from(workshop: Any) -> None:
    text = """
        class Proxy:
            def __init_subclass__(cls): cls.made = True
            @property
            def __module__(self): return "elsewhere"
        class Named(Proxy):
            def say(self): return {version}
    """
    block = workshop.freeze("proxies", text.format(version=1))
    bf.swap(block, source=dedent(text).format(version=2))
    assert (block.Named().say(), block.Named.made, block.Proxy().__module__) == (2, True, "elsewhere")
