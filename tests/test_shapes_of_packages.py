"""Shapes of code that packages use and that stood in the way of freezing or of a swap, each as small as it can be."""

from __future__ import annotations

import gc
from textwrap import dedent

from conftest import Workshop

import blockfreeze as bf

COMPILED = """
    def lazily(function):
        def wrapper(*args, __wrapper=None):
            return compiled(__wrapper)(*args)
        wrapper.__kwdefaults__["__wrapper"] = wrapper
        wrapper.wrapped = function
        return wrapper

    def compiled(wrapper):
        found = {"wrapped": wrapper.wrapped}
        exec("def made(a): return wrapped(a) + ADDED", found)
        wrapper.__globals__.update(wrapped=wrapper.wrapped)
        wrapper.__code__ = found["made"].__code__
        return wrapper

    ADDED = 10

    @lazily
    def double(a):
        return a * 2

    SEEN = 0

    def counted():
        global SEEN
        SEEN += 1
        return SEEN
    """


def test_a_function_that_is_given_the_code_of_another_has_no_free_variables_of_ours(workshop: Workshop) -> None:
    """Also when the generation comes back: what a copy of a function holds as itself is that copy."""
    workshop.write("wrapping.py", COMPILED)
    block = bf.freeze_block("wrapping")
    held, counted = block.double, block.counted
    assert "wrapping.lazily.<locals>.wrapper" in {one.name for one in bf.status(block).unbound}
    assert counted() == 1
    workshop.write("wrapping.py", COMPILED.replace("ADDED = 10", "ADDED = 20"))
    bf.swap(block)
    assert (held(1), held(2), block.double(3), counted()) == (22, 24, 26, 2)
    bf.rollback(block)
    assert (held(1), held(2), block.double(3), counted()) == (12, 14, 16, 3)
    workshop.write("wrapping.py", COMPILED.replace("ADDED = 10", "ADDED = 30"))
    bf.swap(block)
    assert (held(1), held(2), block.double(3), counted()) == (32, 34, 36, 4)


PROTOCOL = """
    from typing import Generic, Protocol, TypeVar
    T = TypeVar("T")

    class Status(Protocol[T]):
        def started(self): ...

    class Mixin:
        def __init__(self): self.mixed = True

    class Ignored(Status[object]):
        def started(self): return 1

    class Mixed(Status[object], Mixin):
        def started(self): return 1

    IGNORED, MIXED = Ignored(), Mixed()
    """


def test_a_class_that_derives_from_a_protocol_is_instantiated_while_the_next_version_is_built(
    workshop: Workshop,
) -> None:
    """What `typing` sets when a class is instantiated for the first time is there before."""
    workshop.write("protocols.py", PROTOCOL)
    block = bf.freeze_block("protocols")
    for answer in (2, 3):
        workshop.write("protocols.py", PROTOCOL.replace("return 1", f"return {answer}"))
        bf.swap(block)
        assert [one.started() for one in (block.Ignored(), block.Mixed())] == [answer, answer]
        assert block.Mixed().mixed
        assert block.MIXED.mixed
    bf.rollback(block)
    assert block.Ignored().started() == 2


SUBCLASSES = """
    class Element:
        def __init_subclass__(cls):
            super().__init_subclass__()

    class Number(Element):
        def __init_subclass__(cls):
            super().__init_subclass__()

    class Int(Number):
        SIZE = 1

    class Gone(Element):
        pass

    def walk(cls):
        return [cls.__name__, *(name for one in cls.__subclasses__() for name in walk(one))]

    def annotated(cls):
        return [type(f"Annotated{one.__name__}", (one,), {}).__name__ for one in list(cls.__subclasses__())]

    FOUND = walk(Element)
    MADE = annotated(Element)

    def calls():
        yield walk(Element)
        yield walk(Element)
    """


def test_code_that_asks_for_subclasses_gets_those_of_its_own_version(workshop: Workshop) -> None:
    """Neither the shadows that a swap makes, nor what other versions define, are among them."""
    workshop.write("hierarchy.py", SUBCLASSES)
    block = bf.freeze_block("hierarchy")
    old = block.calls()
    assert "Gone" in next(old)
    assert block.FOUND == ["Element", "Number", "Int", "Gone"]
    assert block.MADE == ["AnnotatedNumber", "AnnotatedGone"]
    gc.collect()  # what `annotated` has made, and nobody holds
    newer = SUBCLASSES.replace("SIZE = 1", "SIZE = 2").replace("class Gone(Element)", "class Come(Number)")
    workshop.write("hierarchy.py", newer)
    bf.swap(block)
    assert block.FOUND == ["Element", "Number", "Int", "Come"]
    assert block.MADE == ["AnnotatedNumber"]
    seen = next(old)
    assert "Gone" in seen
    assert "Come" not in seen
    assert "Gone" not in next(block.calls())


EVENTS = """
    class Session: pass

    class Dispatcher:
        def __init__(self, number): self.number = number

    def put_on(target_cls, number):
        target_cls.dispatch = Dispatcher(number)

    class Hook:
        def __init_subclass__(cls, target):
            put_on(target, 1)

    class SessionHook(Hook, target=Session): pass
    """


def test_what_a_body_sets_on_a_class_through_a_function_is_its_generations_own(workshop: Workshop) -> None:
    """The class is in a variable whose name ends as classes' do."""
    workshop.write("events.py", EVENTS)
    block = bf.freeze_block("events")
    session = block.Session()
    workshop.write("events.py", EVENTS.replace("put_on(target, 1)", "put_on(target, 2)"))
    bf.swap(block)
    assert session.dispatch.number == 2
    bf.rollback(block)
    assert session.dispatch.number == 1


PROXIES = """
    class Meta(type):
        __module__ = property(lambda cls: "elsewhere")
        def __new__(meta, name, bases, attributes):
            attributes["__module__"] = property(lambda self: "of what it stands for")
            return super().__new__(meta, name, bases, attributes)

    class Proxy(metaclass=Meta):
        def __init__(self, wrapped): self.wrapped = wrapped
        def call(self): return self.wrapped, {0}

    class Plain:
        __module__ = property(lambda self: None)
        def call(self): return {0}

    proxy, plain, kinds = Proxy(1), Plain(), {{Proxy: "proxy", Plain: "plain"}}
    """


def test_the_module_of_a_class_may_be_anything(workshop: Workshop) -> None:
    """A proxy's class, and its metaclass, have a property where others have a name."""
    block = workshop.freeze("proxies", dedent(PROXIES.format(1)))
    proxy, plain = block.proxy, block.plain
    for number in (2, 3):
        bf.swap(block, source=dedent(PROXIES.format(number)))
        assert (proxy.call(), plain.call()) == ((1, number), number)
        assert (block.Proxy.__module__, plain.__module__, sorted(block.kinds.values())) == (
            "elsewhere",
            None,
            ["plain", "proxy"],
        )
        assert (type(proxy) is block.Proxy, type(plain) is block.Plain) == (True, True)
    bf.rollback(block)
    assert (proxy.call(), plain.call()) == ((1, 2), 2)
