"""What the library costs and what it keeps, measured: each program here is run by its name from a checkout.

    python -m benchmarks                  # what a block costs, beside plain modules and peers (costs)
    python -m benchmarks.torn             # calls that ran parts of two versions
    python -m benchmarks.identity         # what a program from before still finds after an update
    python -m benchmarks.release_pairs    # real releases, swapped under load
    python -m benchmarks.fidelity         # other people's tests, plain and frozen
    python -m benchmarks.state            # state through a thousand swaps
    python -m benchmarks.quiesced         # calls through a thousand swaps behind a gate
    python -m benchmarks.conversion       # a hundred thousand live instances, converted
    python -m benchmarks.operate          # what callers notice of a service that is replaced again and again
    python -m benchmarks.charts           # the manual's charts, drawn from results that are kept

`frame` is what these have in common; `shapes` is what they share with the tests, and is all that tests use of them but
for the programs' own. Each takes ``--help``.
"""
