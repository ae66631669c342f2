"""Workloads of the packages in ``pairs_extra.json`` that make objects: moments, classes, schemas, commands, tables."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from benchmarks.release_pairs.reach import Reach
from benchmarks.release_pairs.workloads import Catalogue, Kept, raised

CATALOGUE = Catalogue()


@CATALOGUE.uses("arrow", lambda api: {"moment": api.get("2013-05-05T12:30:45+00:00")})
def arrow(api: Reach, kept: Kept) -> Iterator[object]:
    """Parse, shift, compare and describe moments, kept ones against new ones."""
    fresh = api.get("2013-05-07 01:02:03")
    yield str(fresh.shift(weeks=+1)), fresh > kept["moment"], str(fresh - kept["moment"])
    yield kept["moment"].humanize(fresh), kept["moment"].format("YYYY-MM-DD HH:mm ZZ")
    yield str(kept["moment"].to("US/Pacific")), kept["moment"] == api.get(2013, 5, 5, 12, 30, 45)
    yield [str(day) for day in api.Arrow.range("day", kept["moment"], fresh)]
    yield str(api.get("May 5, 2013", "MMMM D, YYYY")), raised(api["parser:ParserError"], api.get, "no date")
    yield [str(end) for end in kept["moment"].span("month")], str(kept["moment"].dehumanize("in 2 days"))


def _keep_attrs(api: Reach) -> Kept:
    fields = {
        "x": api.ib(default=1, validator=api["validators:instance_of"](int)),
        "y": api.ib(factory=list, converter=api["converters:default_if_none"](factory=list)),
    }
    point = api.s(type("Point", (), fields))
    return {"class": point, "point": point(2), "pending": api.ib(default=5)}


@CATALOGUE.uses("attrs", _keep_attrs)
def attrs(api: Reach, kept: Kept) -> Iterator[object]:
    """Make classes, new ones from kept ones, and look into both."""
    yield kept["point"].x, kept["class"](3) == kept["class"](3), api.asdict(kept["class"](4, [kept["point"]]))
    yield raised(TypeError, kept["class"], "no number"), [field.name for field in api.fields(kept["class"])]
    made = api.make_class(
        "Made", {"z": api.ib(default=api.Factory(dict)), "p": kept["pending"]}, bases=(kept["class"],)
    )
    yield api.astuple(made()), api.evolve(made(x=9), x=8).x, api.has(made), api.fields(made).x.default is api.NOTHING
    frozen = api.define(frozen=True)(type("Frozen", (), {"a": api.field(default=0), "__annotations__": {"a": int}}))
    yield frozen(1).a, raised(api["exceptions:FrozenInstanceError"], setattr, frozen(), "a", 2), api.asdict(frozen())
    yield api.fields(made).p.default, api.validate(kept["point"])


def _keep_click(api: Reach) -> Kept:
    def greet(count: int, name: str) -> str:
        return f"hello {name} " * count

    count = api.option("--count", default=1, type=api.IntRange(0, 9))
    return {"greet": api.command()(count(api.argument("name")(greet)))}


@CATALOGUE.uses("click", _keep_click)
def click(api: Reach, kept: Kept) -> Iterator[object]:
    """Run new and kept commands without a terminal."""
    yield kept["greet"].main(["--count", "2", "Ann"], standalone_mode=False)
    yield raised(api.BadParameter, lambda: kept["greet"].main(["--count", "99", "Ann"], standalone_mode=False))
    yield raised(api.UsageError, lambda: kept["greet"].main([], standalone_mode=False))

    def begin(context: Any) -> None:
        context.obj = "from the group"

    def sub(obj: str, mode: str) -> str:
        return f"{obj}, {mode}"

    tool = api.group(name="tool")(api.pass_context(begin))
    tool.command("sub")(api.option("--mode", type=api.Choice(["a", "b"]), default="a")(api.pass_obj(sub)))
    tool.add_command(kept["greet"], "greet")
    yield tool.main(["sub", "--mode", "b"], standalone_mode=False)
    yield tool.main(["greet", "Bob"], standalone_mode=False)
    yield kept["greet"].get_help(api.Context(kept["greet"], info_name="greet"))
    yield api.style("red", fg="red"), api.unstyle(api.style("x", bold=True))


def _keep_hyperframe(api: Reach) -> Kept:
    return {
        "frame": api["frame:DataFrame"](1, data=b"kept"),
        "flags": api["flags:Flags"](api["frame:DataFrame"].defined_flags),
    }


@CATALOGUE.uses("hyperframe", _keep_hyperframe)
def hyperframe(api: Reach, kept: Kept) -> Iterator[object]:
    """Serialise and parse frames, new and kept."""
    yield kept["frame"].serialize(), kept["frame"]
    fresh = api["frame:SettingsFrame"](0, settings={1: 4096})
    head, length = api["frame:Frame"].parse_frame_header(memoryview(fresh.serialize()[:9]))
    head.parse_body(memoryview(fresh.serialize()[9 : 9 + length]))
    yield type(head).__name__, head.settings, length
    yield raised(api["exceptions:InvalidDataError"], api["frame:DataFrame"], 0)
    kept["flags"].add("END_STREAM")
    yield sorted(kept["flags"]), sorted(api["frame:HeadersFrame"](1, flags=["END_HEADERS"]).flags)
    kept["flags"].discard("END_STREAM")


def _keep_marshmallow(api: Reach) -> Kept:
    fields = {"name": api["fields:Str"](required=True), "age": api["fields:Int"](load_default=7)}
    return {"schema": api.Schema.from_dict(fields, name="Kept")()}


@CATALOGUE.uses("marshmallow", _keep_marshmallow)
def marshmallow(api: Reach, kept: Kept) -> Iterator[object]:
    """Load, dump and refuse, with new and kept schemas, one nested in the other."""
    yield kept["schema"].load({"name": "Ann"}), kept["schema"].dump({"name": "Ann", "age": 3})
    yield raised(api.ValidationError, kept["schema"].load, {"age": "x"})
    fresh = api.Schema.from_dict(
        {"user": api["fields:Nested"](kept["schema"]), "when": api["fields:Date"]()}, name="Fresh"
    )()
    yield fresh.load({"user": {"name": "B", "age": 1}, "when": "2020-01-02"}), fresh.validate({"user": {}, "when": 3})
    yield kept["schema"].load({"name": "C", "extra": 1}, unknown=api.EXCLUDE)
    yield api["validate:Range"](min=1)(5), raised(api.ValidationError, api["validate:Email"](), "no mail")
    yield (
        bool(api.missing),
        kept["schema"].fields["age"].load_default,
        kept["schema"].fields["name"].load_default is api.missing,
    )


@CATALOGUE.uses(
    "more-itertools",
    lambda api: {"counter": api.countable("abc"), "bucket": api.bucket([1, 2, 3], key=lambda n: n % 2)},
)
def more_itertools(api: Reach, kept: Kept) -> Iterator[object]:
    """A handful of iterators, new and kept."""
    yield list(api.chunked(range(7), 3)), list(api.windowed([1, 2, 3, 4], 2)), list(api.flatten([[1], [2, 3]]))
    peek = api.peekable([1, 2, 3])
    yield peek.peek(), next(peek), list(peek)
    yield api.first([], "none"), api.one([5]), raised(ValueError, api.one, []), list(api.sliding_window("abcd", 3))
    yield kept["counter"].items_seen, sorted(kept["bucket"]), list(api.partition(lambda n: n > 1, [1, 2])[1])
    yield list(api.divide(2, [1, 2, 3])[0]), api.ilen(iter("abc")), list(api.split_at("abcdc", lambda c: c == "c"))


def _keep_dateutil(api: Reach) -> Kept:
    return {
        "delta": api["relativedelta:relativedelta"](months=1),
        "utc": api["tz:tzutc"](),
        "zone": api["tz:tzoffset"]("X", 3600),
    }


@CATALOGUE.uses("python-dateutil", _keep_dateutil)
def dateutil(api: Reach, kept: Kept) -> Iterator[object]:
    """Parse, add, recur and convert, with kept deltas and zones."""
    day = datetime.datetime(2020, 1, 31, 12)
    yield api["parser:parse"]("Thu Sep 25 2003 10:36:28"), api["parser:isoparse"]("2020-02-03T04:05:06Z").isoformat()
    yield (
        day + kept["delta"],
        kept["delta"] + api["relativedelta:relativedelta"](days=2),
        kept["delta"] == api["relativedelta:relativedelta"](months=1),
    )
    yield list(api["rrule:rrule"](api["rrule:DAILY"], count=3, dtstart=day)), str(day.replace(tzinfo=kept["zone"]))
    yield (
        raised(ValueError, api["parser:parse"], "no date"),
        day.replace(tzinfo=kept["utc"]).astimezone(kept["zone"]).isoformat(),
    )
    yield api["easter:easter"](2020), kept["utc"] == api["tz:tzutc"](), api["tz:gettz"]("Europe/Berlin").utcoffset(day)


def _keep_tinydb(api: Reach) -> Kept:
    kept = api.TinyDB(storage=api["storages:MemoryStorage"])
    kept.insert_multiple([{"name": "tea", "n": 1}, {"name": "milk", "n": 5}])
    return {"db": kept, "query": api.where("n") > 2}


@CATALOGUE.uses("tinydb", _keep_tinydb)
def tinydb(api: Reach, kept: Kept) -> Iterator[object]:
    """Search a kept database with kept and new queries; fill a new one."""
    yield kept["db"].search(kept["query"]), kept["db"].get(api.Query().name == "tea"), len(kept["db"])
    fresh = api.TinyDB(storage=api["storages:MemoryStorage"])
    fresh.insert({"name": "x", "n": 3})
    yield fresh.search(kept["query"] & (api.Query().name == "x")), fresh.update({"n": 0}, kept["query"]), fresh.all()
    number = kept["db"].insert({"name": "new", "n": 0})
    yield (
        kept["db"].contains(doc_id=number),
        kept["db"].count(api.where("n").exists()),
        kept["db"].remove(doc_ids=[number]) == [number],
    )


@CATALOGUE.uses("toolz", lambda api: {"add": api.curry(lambda a, b: a + b), "pipeline": api.compose(str, len)})
def toolz(api: Reach, kept: Kept) -> Iterator[object]:
    """Functions on sequences and dictionaries; kept curried and composed ones."""
    yield kept["add"](1)(2), kept["pipeline"]("four"), api.pipe(3, kept["add"](4), str)
    yield (
        api.groupby(len, ["a", "bb", "c"]),
        api.merge({1: 2}, {3: 4}),
        api.valmap(str, {1: 2}),
        api.get_in(["a", 0], {"a": [5]}),
    )
    yield list(api.partition_all(2, [1, 2, 3])), list(api.sliding_window(2, [1, 2, 3])), list(api.unique([1, 1, 2]))
    yield (
        api.reduceby(lambda n: n % 2, lambda a, b: a + b, [1, 2, 3], 0),
        api.juxt(len, str)("ab"),
        api.memoize(len)("abc"),
    )
    yield api.curry(kept["add"])(5)(6), api.excepts(ValueError, int, lambda _: -1)("x")


@CATALOGUE.uses(
    "voluptuous",
    lambda api: {"schema": api.Schema({api.Required("n"): api.All(int, api.Range(min=1)), api.Extra: str})},
)
def voluptuous(api: Reach, kept: Kept) -> Iterator[object]:
    """Validate and refuse, with new and kept schemas and sentinels."""
    yield kept["schema"]({"n": 2, "more": "x"}), raised(api.MultipleInvalid, kept["schema"], {"n": 0})
    yield raised(api.Invalid, kept["schema"], {}), raised(api.MultipleInvalid, api.Schema([int]), ["x"])
    yield api.Schema({"user": kept["schema"], api.Optional("tag", default="t"): str})({"user": {"n": 1}})
    yield api.Schema(api.Any(int, api.Coerce(float)))("1.5"), api.Schema({api.Extra: int})({"a": 1})
    yield kept["schema"].extend({api.Optional("z"): int})({"n": 3, "z": 1}), api.Schema(api.Email())("a@example.org")
