"""`python -m blockfreeze`: the command line, as the installed `blockfreeze` command runs it."""

from __future__ import annotations

import sys

from blockfreeze.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
