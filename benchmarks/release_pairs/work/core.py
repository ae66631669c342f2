"""Workloads of the packages in ``pairs.json``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.release_pairs.reach import Reach
from benchmarks.release_pairs.workloads import Catalogue, Kept, raised

CATALOGUE = Catalogue()

TEXT = "# Title\n\nSome *text* with [a link](https://example.org/) and `code`.\n\n- one\n- two\n\n> said\n"
XML = '<shop open="yes"><item n="1">tea</item><item n="2">milk</item><note/></shop>'
ROWS = [["spam", 41.9999], ["eggs", 451.0], ["a longer name", -1]]


@CATALOGUE.uses("blinker", lambda api: {"signal": api.Signal("kept"), "space": api.Namespace()})
def blinker(api: Reach, kept: Kept) -> Iterator[object]:
    """Signals: connect, send, mute, disconnect, on new ones and on kept ones."""
    heard: list[object] = []

    def hear(sender: object, **said: object) -> int:
        heard.append((sender, said))
        return len(heard)

    for signal in (api.Signal("fresh"), kept["signal"], kept["space"].signal("named")):
        signal.connect(hear)
        yield [answer for _, answer in signal.send("sender", word="hi")]
        with signal.muted():
            yield signal.send("sender", word="unheard")
        signal.disconnect(hear)
        yield list(signal.receivers_for("sender"))
    yield heard


@CATALOGUE.uses("cachetools", lambda api: {"lru": api.LRUCache(maxsize=2), "cached": api.cached(cache={})(len)})
def cachetools(api: Reach, kept: Kept) -> Iterator[object]:
    """Caches of each kind, a kept cache, and both decorators."""
    for kind in ("LRUCache", "LFUCache", "FIFOCache"):
        cache = getattr(api, kind)(maxsize=2)
        cache.update({1: "a", 2: "b"})
        cache[3] = "c"
        yield kind, sorted(cache), cache.currsize, cache.get(9, "none")
    lru = kept["lru"]
    lru[1] = lru[2] = "kept"
    lru[3] = "new"
    yield sorted(lru.items()), lru.popitem()[1]
    timed = api.TTLCache(maxsize=4, ttl=1000, timer=lambda: 0)
    timed["k"] = 1
    yield dict(timed), len(timed)
    yield api.cached(cache={})(lambda n: n * 2)(21), kept["cached"]("abc")
    yield api["keys:hashkey"](1, two=2) == api["keys:hashkey"](1, two=2)


@CATALOGUE.uses("idna")
def idna(api: Reach, kept: Kept) -> Iterator[object]:
    """Encode, decode and refuse names."""
    yield api.encode("ドメイン.テスト")
    yield api.decode("xn--eckwd4c7c.xn--zckzah")
    yield api.encode("Königsgäßchen", uts46=True)
    yield api.alabel("测试"), api.ulabel("xn--0zwm56d")
    yield raised(api.IDNAError, api.encode, "a..b")
    yield raised(api.InvalidCodepoint, api.encode, "☃bad☃name")
    yield api.valid_contextj("\u0915\u094d\u200d\u0937", 2)
    yield api.uts46_remap("ＡＢＣ")


@CATALOGUE.uses(
    "itsdangerous",
    lambda api: {"signer": api.Signer("secret"), "serializer": api.URLSafeTimedSerializer("secret", salt="s")},
)
def itsdangerous(api: Reach, kept: Kept) -> Iterator[object]:
    """Sign, check and refuse, with new and kept signers."""
    yield api.Signer("secret").sign("value")
    signed = kept["signer"].sign("value")
    yield signed, kept["signer"].unsign(signed)
    yield raised(api.BadSignature, kept["signer"].unsign, b"value.forged")
    serializer = api.URLSafeSerializer("secret")
    yield serializer.dumps({"id": 5}), serializer.loads(serializer.dumps({"id": 5}))
    yield kept["serializer"].loads(kept["serializer"].dumps([1, 2]))
    yield raised((api.SignatureExpired, api.BadSignature), kept["serializer"].loads, "W10.forged")
    yield api.base64_encode(b"ab?"), api.want_bytes("ä")


def _keep_jinja2(api: Reach) -> Kept:
    pages = {
        "base": "<{% block b %}base{% endblock %}>",
        "page": "{% extends 'base' %}{% block b %}{{ n }}{% endblock %}",
    }
    return {"environment": api.Environment(loader=api.DictLoader(pages)), "template": api.Template("kept {{ n + 1 }}")}


@CATALOGUE.uses("jinja2", _keep_jinja2)
def jinja2(api: Reach, kept: Kept) -> Iterator[object]:
    """Render new and kept templates; compile, undefined and sandbox errors."""
    yield kept["template"].render(n=1)
    yield kept["environment"].get_template("page").render(n=7)
    fresh = api.Environment(undefined=api.StrictUndefined, autoescape=True)
    yield fresh.from_string("{% for i in l if i %}{{ loop.index }}:{{ i|e }} {% endfor %}").render(l=[0, "<", "b"])
    yield raised(api.UndefinedError, fresh.from_string("{{ nothing.at.all }}").render)
    yield raised(api.TemplateSyntaxError, fresh.from_string, "{% if %}")
    yield fresh.from_string("{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}").render()
    yield api["sandbox:SandboxedEnvironment"]().from_string("{{ [1,2]|join('+') }}").render()
    yield kept["environment"].from_string("{{ [3,1,2]|sort|list }} {{ 'x'|upper }}").render()


@CATALOGUE.uses("mistune", lambda api: {"markdown": api.create_markdown(escape=False, plugins=["table"])})
def mistune(api: Reach, kept: Kept) -> Iterator[object]:
    """Render Markdown with the module's function, a new and a kept renderer."""
    yield api.html(TEXT)
    yield kept["markdown"]("| a | b |\n| - | - |\n| 1 | 2 |\n")
    yield api.create_markdown(plugins=["strikethrough"])("~~gone~~ " + TEXT)
    yield api.create_markdown(renderer=None)("para *em*")
    yield api.escape("<&>")


def _keep_schema(api: Reach) -> Kept:
    return {"schema": api.Schema({"name": str, api.Optional("age"): api.And(int, lambda n: n > 0)})}


@CATALOGUE.uses("schema", _keep_schema)
def schema(api: Reach, kept: Kept) -> Iterator[object]:
    """Validate and refuse, with new and kept schemas mixed."""
    yield api.Schema(api.And(str, api.Use(int))).validate("12")
    yield kept["schema"].validate({"name": "Ann", "age": 3})
    yield raised(api.SchemaError, kept["schema"].validate, {"name": "Ann", "age": -3})
    yield raised(api.SchemaError, kept["schema"].validate, {"name": 1})
    yield api.Schema({"user": kept["schema"], "tags": [api.Or(str, int)]}).validate(
        {"user": {"name": "B"}, "tags": [1]}
    )
    yield raised(api.SchemaMissingKeyError, api.Schema({"a": int}).validate, {})
    yield api.Schema(api.Regex(r"^a+$")).is_valid("aaa"), kept["schema"].is_valid([])


@CATALOGUE.uses("semver", lambda api: {"version": api.Version(1, 2, 3), "pre": api.Version.parse("1.2.3-rc.1+b.5")})
def semver(api: Reach, kept: Kept) -> Iterator[object]:
    """Parse, compare, bump and match; kept versions against new ones."""
    fresh = api.Version.parse("1.3.0")
    yield (
        fresh > kept["version"],
        kept["version"] > kept["pre"],
        min(fresh, kept["version"], kept["pre"]) == kept["pre"],
    )
    yield str(kept["version"].bump_minor()), str(fresh.bump_major()), str(kept["pre"].finalize_version())
    yield kept["version"].match(">=1.0.0"), kept["version"].compare("1.2.4"), kept["version"] == api.Version(1, 2, 3)
    yield raised(ValueError, api.Version.parse, "1.x"), api.Version.is_valid("1.0.0")
    yield kept["pre"].to_dict(), hash(kept["version"]) == hash(api.Version(1, 2, 3))
    yield api.VersionInfo(2).replace(minor=5).to_tuple()


def _keep_tabulate(api: Reach) -> Kept:
    row = api.DataRow("<", ":", ">")
    return {"format": api.TableFormat(None, None, None, None, row, row, 0, None)}


@CATALOGUE.uses("tabulate", _keep_tabulate)
def tabulate(api: Reach, kept: Kept) -> Iterator[object]:
    """Tables in several formats, one of them kept."""
    for table_format in ("plain", "grid", "github", "html", "pipe", "latex", kept["format"]):
        yield api.tabulate(ROWS, headers=["item", "qty"], tablefmt=table_format)
    yield api.tabulate({"a": [1, 2], "b": ["x", None]}, headers="keys", missingval="?")
    yield api.simple_separated_format("||") == api.simple_separated_format("||")


@CATALOGUE.uses("xmltodict")
def xmltodict(api: Reach, kept: Kept) -> Iterator[object]:
    """Parse, stream and unparse."""
    yield api.parse(XML)
    yield api.unparse({"shop": {"@open": "yes", "item": ["tea", "milk"]}}, pretty=True)
    seen: list[object] = []

    def see(path: object, item: object) -> bool:
        seen.append(item)
        return True

    api.parse(XML, item_depth=2, item_callback=see)
    yield seen
    yield raised(api.ParsingInterrupted, lambda: api.parse(XML, item_depth=2, item_callback=lambda path, item: False))
    yield api.parse(XML, force_list=("note",), process_namespaces=True)
