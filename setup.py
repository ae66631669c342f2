"""What pyproject.toml cannot say: the compiled part is optional, and is left out where no compiler is found.

`pip` goes on with a warning then. If BLOCKFREEZE_PURE is set, it is not built.
"""

import os

from setuptools import Extension, setup

PARTS = (
    []
    if os.environ.get("BLOCKFREEZE_PURE")
    else [Extension("blockfreeze._speed", ["blockfreeze/_speed.c"], optional=True)]
)

setup(ext_modules=PARTS)
