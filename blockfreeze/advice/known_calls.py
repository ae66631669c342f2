"""What calls of the language and its library make, by their names: the kinds of `forms.Form`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MADE_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{
            name: name for name in ("int", "float", "bool", "str", "bytes", "list", "set", "frozenset", "dict", "tuple")
        },
        "sorted": "list",
        "len": "int",
        "repr": "str",
        "ascii": "str",
        "format": "str",
        "isinstance": "bool",
        "issubclass": "bool",
        "callable": "bool",
        "hasattr": "bool",
        "any": "bool",
        "all": "bool",
        "zip": "iterator",
        "map": "iterator",
        "filter": "iterator",
        "iter": "iterator",
        "reversed": "iterator",
        "enumerate": "iterator",
        "collections.OrderedDict": "dict",
        "collections.defaultdict": "dict",
        "collections.Counter": "dict",
        "collections.deque": "deque",
        "pathlib.Path": "Path",
        "datetime.timedelta": "timedelta",
        "decimal.Decimal": "Decimal",
        "re.compile": "pattern",
        "os.path.join": "str",
        "os.getcwd": "str",
        "time.time": "float",
        "itertools.chain": "iterator",
        "itertools.islice": "iterator",
        "itertools.chain.from_iterable": "iterator",
        "json.dumps": "str",
        "threading.Lock": "lock",
        "threading.RLock": "lock",
        "object": "object",
        "weakref.WeakKeyDictionary": "WeakKeyDictionary",
        "weakref.WeakValueDictionary": "WeakValueDictionary",
        "weakref.WeakSet": "WeakSet",
        "types.MappingProxyType": "mapping",
        "functools.partial": "function",
        "queue.Queue": "queue",
        "queue.SimpleQueue": "queue",
        "itertools.count": "iterator",
    }
)
"""By the qualified name of what is called."""

OF_TEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("join", "format", "strip", "replace", "lower", "upper", "title", "rstrip", "lstrip"), "str"),
        "encode": "bytes",
        "split": "list",
        "splitlines": "list",
        "startswith": "bool",
        "partition": "tuple",
    }
)
"""By the name of a method of a text."""

DECLARED: Final[Mapping[str, str]] = MappingProxyType(
    {name: name for name in ("int", "float", "bool", "str", "bytes", "list", "set", "frozenset", "dict", "tuple")}
    | {"List": "list", "Dict": "dict", "Set": "set", "Tuple": "tuple", "FrozenSet": "frozenset", "Path": "Path"}
    | {"Iterator": "iterator", "Generator": "generator"}
)
"""By the last part of the name of an annotation."""
