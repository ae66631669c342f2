"""The code that forwarders are made of: templates by signature, compiled once, with constants that stand for others.

A *wide* template takes anything, a *narrow* one has the parameters of a function; see `forwarders`.
"""

from __future__ import annotations

from functools import lru_cache
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType, FunctionType
from typing import Final

from blockfreeze.dispatch.frames import VECTOR
from blockfreeze.linking.cpython import VERSIONS_COLLIDE, free_variables_prologue

REFERENCE: Final = "blockfreeze: the reference"
PLACE: Final = "blockfreeze: the place"
SLOT: Final = "blockfreeze: the slot"
CLOSURE: Final = "blockfreeze: the closure"
"""The constants in place of which a forwarder has its own."""

REST: Final = "blockfreeze_rest"
"""The parameter of what is too much, where a narrow forwarder has to take that as well."""

_VECTOR: Final = "blockfreeze_vector"

_INDEXED: Final = f"[{PLACE!r}]"

LENT: Final = f"[0].lend({CLOSURE!r})"
"""How what serves a closure that follows is got from the vector."""


@lru_cache(maxsize=1024)
def with_free_variables(template: CodeType, count: int) -> CodeType:
    """Return a template of a forwarder that begins as one with so many free variables does, whatever they are."""
    prologue, lines = free_variables_prologue(count)
    return template.replace(
        co_code=prologue + template.co_code,
        co_linetable=lines + template.co_linetable,
        co_varnames=tuple(VECTOR if name == _VECTOR else name for name in template.co_varnames),
        co_freevars=tuple(map(str, range(count))),
    )


def _template(parameters: str, arguments: str, rest: str = "", found: str = _INDEXED) -> CodeType:
    """Compile a forwarder; all of it is on one line, which becomes that of its function.

    Args:
        rest: the parameter that takes what is too much, to be passed on only if there is any.
        found: how what serves the call is got from the vector.
    """
    call = f"{_VECTOR}{found}({arguments})"
    if rest:
        call = f"{_VECTOR}{found}({', '.join(filter(None, (arguments, '*' + rest)))}) if {rest} else {call}"
        parameters = ", ".join(filter(None, (parameters, "*" + rest)))
    text = f"def forwarder({parameters}): {_VECTOR} = {REFERENCE!r}.vector; return {call}"
    module = compile(text, "<forwarder>", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


WIDE = _template("*args, **kwargs", "*args, **kwargs")
FINDING = _template("*args, **kwargs", "*args, **kwargs", found=f"[0].find({SLOT!r})")
WIDE_LENT = _template("*args, **kwargs", "*args, **kwargs", found=LENT)


def signature_of(
    function: FunctionType, code: CodeType | None = None
) -> tuple[tuple[str, ...], int, int, int, int, frozenset[str], bool, bool]:
    """Return what a narrow forwarder is made by.

    Args:
        code: what has the parameters, if the function forwards already.
    """
    code = function.__code__ if code is None else code
    positional, keyword = code.co_argcount, code.co_kwonlyargcount
    star, stars = bool(code.co_flags & CO_VARARGS), bool(code.co_flags & CO_VARKEYWORDS)
    names = code.co_varnames[: positional + keyword + star + stars]
    required = frozenset(function.__kwdefaults__ or ())
    return names, positional, code.co_posonlyargcount, keyword, len(function.__defaults__ or ()), required, star, stars


@lru_cache(maxsize=1024)
def narrow_template(
    names: tuple[str, ...],
    positional: int,
    positional_only: int,
    keyword: int,
    defaults: int,
    keyword_defaults: frozenset[str],
    star: bool,
    stars: bool,
    *,
    found: str = _INDEXED,
) -> CodeType:
    """Return a template with the parameters of a function; see `signature_of`.

    Args:
        found: how what serves the call is got from the vector.

    Raises:
        SyntaxError: no source can name the parameters.
    """
    parameters: list[str] = []
    arguments: list[str] = []
    for at, name in enumerate(names[:positional]):
        # The default's value is not in the code: the function object has it, and this only makes room for one.
        parameters.append(name + "=None" if at >= positional - defaults else name)
        arguments.append(name)
        if at + 1 == positional_only:
            parameters.append("/")
    rest = list(names[positional + keyword :])
    if star:
        parameters.append("*" + rest[0])
        arguments.append("*" + rest.pop(0))
    elif keyword:
        parameters.append("*")
    for name in names[positional : positional + keyword]:
        parameters.append(name + "=None" if name in keyword_defaults else name)
        arguments.append(f"{name}={name}")
    if stars:
        parameters.append("**" + rest[0])
        arguments.append("**" + rest[0])
    simple = not (star or stars or keyword)
    rest_name = REST if simple and VERSIONS_COLLIDE else ""
    return _template(", ".join(parameters), ", ".join(arguments), rest_name, found)
