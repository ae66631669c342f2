"""The command line of a program: its own options, and those that programs share, which mean the same in all of them.

Nothing is measured before the line is understood: whatever is wrong in it ends the process with status 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CommandLine", "Options", "chosen"]

Options = argparse.Namespace


class CommandLine(argparse.ArgumentParser):
    """The parser of one program.

    Args:
        program: the module that ``python -m`` runs.
        about: what the program is for; of a docstring, the first line is shown.
        below: what is shown below the options, as it is.
    """

    def __init__(self, program: str, about: str | None, below: str = "") -> None:
        super().__init__(
            prog=f"python -m {program}",
            description=(about or "").strip().partition("\n")[0],
            epilog=below,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._amounts: dict[str, tuple[float, float]] = {}

    def add_json(self, told: str = "write everything that was found to FILE") -> None:
        """Take ``--json FILE``."""
        self.add_argument("--json", type=Path, metavar="FILE", help=told)

    def add_quick(self, told: str = "little effort: a look, not a measurement") -> None:
        """Take ``--quick``."""
        self.add_argument("--quick", action="store_true", help=told)

    def add_only(self, of: str) -> None:
        """Take ``--only NAMES``, comma-separated names `of` something; `chosen` tells which they choose."""
        self.add_argument("--only", metavar="NAMES", help=f"{of}, comma-separated")

    def add_seconds(self) -> None:
        """Take ``--seconds``, the limit for each worker."""
        self.add_argument("--seconds", type=float, default=300.0, help="the time limit of each process")

    def add_amount(self, flag: str, full: float, quick: float, told: str = "") -> None:
        """Take an amount of something; what is not given is `full`, or `quick` with ``--quick``."""
        shown = f"{told} ({full:,})".strip()
        self._amounts[flag.removeprefix("--")] = full, quick
        self.add_argument(flag, type=type(full), metavar="N", help=shown)

    def parse(self, words: Sequence[str] | None = None) -> Options:
        """Return the options that the words give, or those of the process without `words`."""
        options = self.parse_args(words)
        for name, (full, quick) in self._amounts.items():
            if getattr(options, name) is None:
                setattr(options, name, quick if options.quick else full)
        return options


def chosen(name: str, only: str | None) -> bool:
    """Whether ``--only`` chooses `name`: it is one of its names, or there is no such option."""
    return only is None or name in {one.strip() for one in only.split(",")}
