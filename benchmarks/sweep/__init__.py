"""Do popular packages outlive swaps? Each is frozen, used, swapped with itself twice, rolled back, and used again.

`packages.json` says of each what a program does with it: it imports and makes objects once, and ``use()`` returns what
it has found by them. Whatever was imported and made before any swap is used after each, and so is what is imported and
made afresh; both must find what a plain process finds. `fixes.json` has pairs of releases, the last one with a hole and
the first one without: the hole is looked for through what was made before, while threads use the package.

Run it with ``python -m benchmarks.sweep``; ``--help`` tells the options.
"""
