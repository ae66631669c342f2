"""Workloads of the packages in ``pairs_extra.json`` that parse, compare and format text."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from benchmarks.release_pairs.reach import Reach
from benchmarks.release_pairs.workloads import Catalogue, Kept, raised

CATALOGUE = Catalogue()

MARKDOWN = (
    "# Title\n\nSome *text*, [a link](https://example.org/).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two\n"
)
SQL = "select a, b from t where a = 1 and b in (select c from u) order by 1; insert into t values (1, 'x');"


@CATALOGUE.uses("humanize")
def humanize(api: Reach, kept: Kept) -> Iterator[object]:
    """Numbers, sizes and times in words."""
    yield api.intcomma(1234567), api.intword(1_200_000), api.ordinal(22), api.apnumber(5), api.fractional(0.3)
    yield api.naturalsize(3_000_000), api.naturalsize(3000, binary=True), api.scientific(1000), api.metric(1500, "V")
    yield api.naturaldelta(datetime.timedelta(seconds=1001)), api.precisedelta(datetime.timedelta(seconds=3633))
    yield (
        api.naturaltime(datetime.timedelta(hours=1)),
        api.naturaldate(datetime.date(2001, 2, 3)),
        api.clamp(3.0, floor=4.0),
    )


@CATALOGUE.uses("jsonpointer", lambda api: {"pointer": api.JsonPointer("/a/b/1")})
def jsonpointer(api: Reach, kept: Kept) -> Iterator[object]:
    """Resolve and set, with new and kept pointers."""
    document = {"a": {"b": [1, 2, 3]}, "m~n": 8}
    yield (
        api.resolve_pointer(document, "/a/b/2"),
        kept["pointer"].resolve(document),
        api.resolve_pointer(document, "/m~0n"),
    )
    yield api.set_pointer({"x": 1}, "/x", 2), kept["pointer"].set(document, 9, inplace=False)
    yield raised(api.JsonPointerException, api.resolve_pointer, document, "/nowhere/at/all")
    yield (
        kept["pointer"] == api.JsonPointer("/a/b/1"),
        api.JsonPointer("/a").contains(kept["pointer"]),
        str(kept["pointer"] / "/c"),
    )
    yield type(api.resolve_pointer(document, "/a/b/-")).__name__, api.JsonPointer.from_parts(["a", "~"]).path


@CATALOGUE.uses("markdown", lambda api: {"markdown": api.Markdown(extensions=["tables", "toc", "fenced_code"])})
def markdown(api: Reach, kept: Kept) -> Iterator[object]:
    """Convert with the module's function and with a kept converter."""
    yield api.markdown(MARKDOWN)
    yield kept["markdown"].reset().convert(MARKDOWN)
    yield api.markdown("a[^1]\n\n[^1]: note\n\n!!! tip\n    said", extensions=["footnotes", "admonition", "attr_list"])
    yield kept["markdown"].reset().convert("```\ncode\n```\n\n## Two\n")


@CATALOGUE.uses("natsort", lambda api: {"key": api.natsort_keygen(alg=api.ns.IGNORECASE)})
def natsort(api: Reach, kept: Kept) -> Iterator[object]:
    """Sort with the module's functions and with a kept key."""
    names = ["a10", "A2", "b1", "a1.5", "Ä3"]
    yield (
        api.natsorted(names),
        api.natsorted(names, alg=api.ns.REAL | api.ns.IGNORECASE),
        sorted(names, key=kept["key"]),
    )
    yield (
        api.index_natsorted(names),
        api.realsorted(["-1", "3e1", "2"]),
        api.humansorted(names),
        api.os_sorted(["x10", "x9"]),
    )
    yield kept["key"]("a10"), api.natsort_key("a10"), api.decoder("utf-8")(b"x")


def _keep_packaging(api: Reach) -> Kept:
    return {
        "version": api["version:Version"]("1.2.3"),
        "set": api["specifiers:SpecifierSet"](">=1,<2"),
        "marker": api["markers:Marker"]("extra == 'x'"),
    }


@CATALOGUE.uses("packaging", _keep_packaging)
def packaging(api: Reach, kept: Kept) -> Iterator[object]:
    """Versions, specifiers, requirements and markers, kept ones against new ones."""
    fresh = api["version:parse"]("1.10.0")
    yield fresh > kept["version"], sorted([fresh, kept["version"]]), kept["version"] == api["version:Version"]("1.2.3")
    yield fresh in kept["set"], kept["set"].contains("2.0"), list(kept["set"].filter(["0.9", "1.5", fresh]))
    yield raised(api["version:InvalidVersion"], api["version:Version"], "a.b.c")
    requirement = api["requirements:Requirement"]("shop[tea]>=1.0; python_version > '3'")
    yield requirement.name, str(requirement.specifier), sorted(requirement.extras), requirement.marker.evaluate()
    yield kept["marker"].evaluate({"extra": "x"}), str(kept["set"] & api["specifiers:SpecifierSet"]("!=1.5"))
    yield (
        raised(api["requirements:InvalidRequirement"], api["requirements:Requirement"], "?"),
        api["utils:canonicalize_name"]("A_b.C"),
    )


def _keep_pathspec(api: Reach) -> Kept:
    return {"spec": api.PathSpec.from_lines("gitwildmatch", ["*.py", "!keep.py", "/build/"])}


@CATALOGUE.uses("pathspec", _keep_pathspec)
def pathspec(api: Reach, kept: Kept) -> Iterator[object]:
    """Match paths with new and kept specs and with both added."""
    paths = ["a.py", "keep.py", "build/x.o", "src/b.py", "doc.md"]
    yield list(kept["spec"].match_files(paths)), kept["spec"].match_file("build/y")
    fresh = api.GitIgnoreSpec.from_lines(["doc.*", "src/"])
    yield list(fresh.match_files(paths)), fresh == kept["spec"], len(fresh)
    both = api.PathSpec(kept["spec"].patterns + fresh.patterns)
    yield list(both.match_files(paths)), both == kept["spec"], list((kept["spec"] + kept["spec"]).match_files(paths))
    yield raised(KeyError, api.lookup_pattern, "none such"), api.lookup_pattern("gitwildmatch").__name__


def _keep_pyparsing(api: Reach) -> Kept:
    number = api.Word(api.nums).set_parse_action(lambda tokens: int(tokens[0]))
    return {"sum": number + api.ZeroOrMore(api.Suppress("+") + number), "word": api.Word(api.alphas)}


@CATALOGUE.uses("pyparsing", _keep_pyparsing)
def pyparsing(api: Reach, kept: Kept) -> Iterator[object]:
    """Parse with new grammars, kept ones, and mixtures."""
    yield kept["sum"].parse_string("1 + 2 + 3").as_list(), raised(api.ParseException, kept["sum"].parse_string, "x")
    mixed = api.Group(kept["word"]("name")) + api.Literal("=") + kept["sum"]("value")
    yield mixed.parse_string("total = 1 + 2").as_dict(), mixed.matches("total = "), str(mixed)
    yield api.DelimitedList(api.Word(api.alphanums)).parse_string("a, b2, c").as_list()
    yield [found.as_list() for found in kept["word"].search_string("ab 12 cd")]
    yield api.infix_notation(api.Word(api.nums), [("*", 2, api.OpAssoc.LEFT)]).parse_string("2*3*4").as_list()


@CATALOGUE.uses("sqlparse", lambda api: {"parsed": api.parse(SQL)[0]})
def sqlparse(api: Reach, kept: Kept) -> Iterator[object]:
    """Split, parse and format statements; a kept parse tree."""
    yield api.split(SQL), api.format(SQL, reindent=True, keyword_case="upper")
    yield str(kept["parsed"]), kept["parsed"].get_type(), len(list(kept["parsed"].flatten()))
    yield [statement.get_type() for statement in api.parse(SQL)], [str(t) for t in kept["parsed"].tokens if t.is_group]
    yield api.format("select 1 -- said", strip_comments=True), api.format("a=1", use_space_around_operators=True)


@CATALOGUE.uses("wcwidth")
def wcwidth(api: Reach, kept: Kept) -> Iterator[object]:
    """Widths of narrow, wide, combining and joined characters."""
    yield api.wcwidth("a"), api.wcwidth("コ"), api.wcwidth("\u0301"), api.wcwidth("\n")
    yield (
        api.wcswidth("コンニチハ, セカイ!"),
        api.wcswidth("👩\u200d🔬"),
        api.wcswidth("e\u0301"),
        len(api.list_versions()),
    )
