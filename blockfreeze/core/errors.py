"""What can go wrong, as types: after any of these errors the caller knows what state holds.

Guarantees: a `FreezeError` means that nothing was changed; a `SwapError` means that the generation that
served before still serves, complete. Every error keeps its facts as attributes and survives pickling.
Messages read ``place: what, subject!r: why; what to do``.
"""

from __future__ import annotations

__all__ = [
    "BlockfreezeError",
    "ControlError",
    "DrainTimeoutError",
    "EntryRemovedError",
    "FreezeError",
    "FrozenBlockError",
    "IncompatibleBlockError",
    "NoSuchGenerationError",
    "PrepareError",
    "SwapError",
    "SwapInProgressError",
]


def _rebuild(kind: type[BlockfreezeError], args: tuple[object, ...], facts: dict[str, object]) -> BlockfreezeError:
    error = kind.__new__(kind, *args)
    error.args = args
    for name, fact in facts.items():
        setattr(error, name, fact)  # AttributeError keeps its `name` outside of __dict__
    return error


class BlockfreezeError(Exception):
    """The base of every error that blockfreeze raises on its own account.

    Args:
        message: one composed line; it becomes ``args[0]``.
        **facts: what the message speaks of; each becomes an attribute.
    """

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.__dict__.update(facts)

    def __reduce__(self) -> tuple[object, ...]:
        # The default protocol calls the class with `args` alone, and an OSError base (TimeoutError) reads two
        # positional arguments as errno and text: hand over the message and the facts explicitly.
        return _rebuild, (type(self), self.args, dict(self.__dict__))


class FreezeError(BlockfreezeError):
    """A module could not be made a block; nothing was changed. Attributes: `module`, `reason`."""

    module: str
    reason: str


class SwapError(BlockfreezeError):
    """A swap did not happen; the generation that served before still serves. Attribute: `block`."""

    block: str


class PrepareError(SwapError):
    """The new version could not be built; its own exception is chained as ``__cause__``.

    Attributes: `block`, `phase` (``read``, ``link``, ``execute``, ``check`` or ``convert``), `member` (or None).
    """

    phase: str
    member: str | None


class IncompatibleBlockError(SwapError):
    """A version lacks what callers rely on, or a way for state to come over. Attributes: `block`, `problems`."""

    problems: tuple[str, ...]


class SwapInProgressError(SwapError):
    """Another swap of the same block is under way. Attributes: `block`, `owner` (the thread's name)."""

    owner: str


class NoSuchGenerationError(SwapError, LookupError):
    """`rollback` was asked for a generation that is not kept. Attributes: `block`, `wanted`, `kept`."""

    wanted: int | None
    kept: tuple[int, ...]


class FrozenBlockError(BlockfreezeError, AttributeError):
    """A definition of a block was rebound from outside. Attributes: `module`, `name` (of the definition)."""

    module: str

    def __init__(self, message: str, **facts: object) -> None:
        # AttributeError keeps `name` and `obj` in C slots, which are not part of __dict__.
        super().__init__(message, **facts)
        self.name = str(facts.get("name", ""))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, {**self.__dict__, "name": self.name})


class EntryRemovedError(BlockfreezeError, AttributeError):
    """An entry was called whose definition the current generation no longer has.

    Attributes: `block`, `entry` (its qualified name), `generation` (the current one's number).
    """

    block: str
    entry: str
    generation: int


class DrainTimeoutError(BlockfreezeError, TimeoutError):
    """`drain` ran out of time. Attributes: `block`, `lingering` (who still runs in a retired generation)."""

    block: str
    lingering: tuple[object, ...]


class AbandonedError(BaseException):
    """What goes on after its preparation was abandoned comes to an end by this, which no program is to catch."""


class ControlError(BlockfreezeError):
    """The command line or the control socket was asked for something that it cannot do."""
