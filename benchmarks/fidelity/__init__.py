"""Can other people's tests tell a frozen module from a plain one? One benchmark: each suite plain, then frozen.

A target is a module or package of the standard library with CPython's own tests, or a package from PyPI with the suite
of its source distribution. Its tests run in a fresh process in a throw-away folder: once with the plain target, and
once for each mode with the target frozen early, frozen late, or frozen and swapped to the identical version every
50 ms. What passes plain and does not pass frozen is a difference, reported with its cause.

Run it with ``python -m benchmarks.fidelity``; ``--help`` tells the options.
"""
