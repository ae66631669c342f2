"""What is to be changed in one code object: the description that both ways of writing it follow.

`by_bytes` edits the bytes of the instructions that change; `by_library` takes the whole code object apart with the
`bytecode` library and puts it together again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import CodeType

from blockfreeze.linking.sequences import Steps

STACK_OF_STEPS = 4
"""The most that steps push beyond what the instruction would that they replace."""


@dataclass(frozen=True)
class Edits:
    """The changes of one code object. Where nothing is written an instruction stays as it is.

    Attributes:
        replaced: by the place of an instruction (see `instructions`), the steps that replace it, one at least. They get
            its source position, and jumps to it lead to the first of them.
        gained: the free variables that it has besides its own.
        inner: by the identity of a code object inside it, the one that takes its place.
    """

    replaced: Mapping[int, Steps] = field(default_factory=dict)
    gained: tuple[str, ...] = ()
    inner: Mapping[int, CodeType] = field(default_factory=dict)

    def constants_of(self, code: CodeType) -> tuple[object, ...]:
        """Return the constants of `code` with the code objects inside it exchanged."""
        return tuple(self.inner.get(id(one), one) if isinstance(one, CodeType) else one for one in code.co_consts)

    def stacksize_of(self, code: CodeType) -> int:
        """Return how deep the stack of `code` becomes: a closure that is made needs room for what it gains."""
        return code.co_stacksize + len(self.gained) + STACK_OF_STEPS


Write = Callable[[CodeType, Edits], CodeType]
"""Returns a code object with edits made in it."""
