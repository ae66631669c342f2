"""What the demo's server serves: a package in two versions, and the calls that requests make into it.

A workload is plain data that JSON can carry, because the server that executes it is another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call into the package: the name of a function of its top module, and keyword arguments."""

    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Workload:
    """A package, the names of its two versions, and the calls; request number `i` makes ``calls[i]``.

    Invariant: every call answers differently in the two versions, so that each response tells which one made it
    (`answers.of_both_versions` checks it).
    """

    package: str
    old: str
    new: str
    calls: tuple[Call, ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Workload:
        """Return the workload that `to_json` wrote."""
        calls = tuple(Call(call["function"], call["arguments"]) for call in written["calls"])
        return cls(written["package"], written["old"], written["new"], calls)


_ARCHIVE = """\
attach database 'archive.db' as archive; -- last year's orders
insert into archive.orders select o.id, o.placed, case when o.paid then 'paid' else 'open' end
from orders o join customers c on c.id = o.customer
where o.placed between 20240101 and 20241231 and o.id not in (select order_id from disputes);
detach database archive"""

_ROUTINE = "declare n int; begin update stock set held = held - 1 where item = 7; delete from basket; end; select 1"

# Between these releases sqlparse's grouping functions got a parameter that they pass to one another, its lexer new
# keywords and its statement splitter new state; each of its modules takes classes and token types from others.
SQLPARSE = Workload(
    package="sqlparse",
    old="0.5.3",
    new="0.5.5",
    calls=(
        Call("format", {"sql": _ARCHIVE, "reindent": True, "keyword_case": "upper"}),
        Call("format", {"sql": _ROUTINE, "reindent": True, "keyword_case": "upper"}),
        Call("format", {"sql": _ARCHIVE, "reindent_aligned": True, "keyword_case": "upper", "strip_comments": True}),
        Call("split", {"sql": _ROUTINE}),
        Call("format", {"sql": _ARCHIVE, "reindent": True, "keyword_case": "capitalize", "comma_first": True}),
        Call("format", {"sql": _ARCHIVE, "reindent": True, "keyword_case": "upper", "indent_columns": True}),
    ),
)
