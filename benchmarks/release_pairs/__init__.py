"""Do real releases swap in a running process? One benchmark: pairs of releases from PyPI, each tool in its own process.

For every pair the old release is taken in (frozen as a block, or plainly imported for the baseline), used by two
threads and by a foreign module that took from-imports and instances, replaced by the new release under that load,
judged by the new release's own test suite run in the very same process, and put back.

Run it with ``python -m benchmarks.release_pairs``; ``--help`` tells the options.
"""
