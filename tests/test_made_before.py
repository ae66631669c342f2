"""Objects made before that lack what the new code needs: found before the commit, named, refused, converted."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Workshop

import blockfreeze as bf

SETTINGS = """
    KNOWN = []

    class Meta(type):
        def __init__(cls, name, bases, namespace):
            super().__init__(name, bases, namespace)
            KNOWN.append(cls)

    class Bind(metaclass=Meta):
        name, default = "bind", 8000

    def make_settings():
        return {one.name: one.default for one in KNOWN}

    class Config:
        def __init__(self):
            self.settings = make_settings()

    def asked(config):
        return config.settings["bind"]
    """

WITH_MORE = SETTINGS.replace(
    "    def make_settings",
    """    class Strict(metaclass=Meta):
        name, default = "strict", True

    def make_settings""",
).replace('config.settings["bind"]', 'config.settings["strict"]')

WRAPPED = """
    class Wrapped:
        def __init__(self, app):
            self.app = app
        def call(self):
            return self.app
    """

TRUSTING = """
    class Wrapped:
        def __init__(self, app):
            self.app = app
            self.trusted = ["localhost"]
        def call(self):
            return self.app, self.trusted
    """


class Server:
    """What holds an object for the life of the process."""

    def __init__(self, held: Any) -> None:
        self.held = held


def give_settings(config: Any, added: Any, discarded: Any, old: Any) -> None:
    config.settings.setdefault("strict", True)


def take_settings(config: Any, added: Any, discarded: Any, old: Any) -> None:
    del config.settings["strict"]


def test_an_object_that_was_filled_from_a_table_which_has_more_now_is_found_before_the_commit(
    workshop: Workshop,
) -> None:
    block = workshop.freeze("configured", SETTINGS)
    server = Server(block.Config())
    workshop.write("configured.py", WITH_MORE)
    with pytest.raises(bf.IncompatibleBlockError, match=r"1 instances made before \(in a Server\) may lack .* Strict"):
        bf.swap(block, strict=True)
    assert block.asked(server.held) == 8000
    report = bf.swap(block)
    (said,) = [one for one in report.unreached if one.name == "configured.Config"]
    assert "(in a Server) may lack what KNOWN has now" in said.reason
    assert "Strict" in said.reason


@pytest.mark.parametrize("by_name", [True, False])
def test_a_converter_may_be_given_from_outside(workshop: Workshop, by_name: bool) -> None:
    """It converts all objects that were made before; two functions are it and its inverse."""
    block = workshop.freeze("configured", SETTINGS)
    server = Server(block.Config())
    workshop.write("configured.py", WITH_MORE)
    key = "configured.Config" if by_name else block.Config
    report = bf.swap(block, strict=True, quiesce=5, converters={key: (give_settings, take_settings)})
    assert [(one.name, one.count) for one in report.converted] == [("configured.Config", 1)]
    assert block.asked(server.held) is True
    bf.rollback(block, quiesce=5)
    assert server.held.settings == {"bind": 8000}
    assert block.asked(server.held) == 8000
    workshop.write("configured.py", SETTINGS + "    # another one\n")
    bf.swap(block, strict=True)
    assert block.asked(server.held) == 8000


def test_an_object_that_lacks_an_attribute_is_found_and_converted_likewise(workshop: Workshop) -> None:
    block = workshop.freeze("wrapping_apps", WRAPPED)
    server = Server(block.Wrapped("app"))
    workshop.write("wrapping_apps.py", TRUSTING)
    with pytest.raises(bf.IncompatibleBlockError, match=r"1 instances made before \(in a Server\) lack trusted"):
        bf.swap(block, strict=True)
    assert server.held.call() == "app"

    def trust(wrapped: Any, added: Any, discarded: Any, old: Any) -> None:
        wrapped.trusted = []

    bf.swap(block, strict=True, quiesce=5, converters={"wrapping_apps.Wrapped": trust})
    assert server.held.call() == ("app", [])


def test_a_converter_for_what_is_no_class_is_refused(workshop: Workshop) -> None:
    block = workshop.freeze("wrapping_apps", WRAPPED)
    with pytest.raises(bf.IncompatibleBlockError, match="no class of the new version"):
        bf.swap(block, converters={"wrapping_apps.Other": give_settings})
    assert bf.status(block).current == 1
