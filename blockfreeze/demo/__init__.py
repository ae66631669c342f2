"""The demonstration: a threaded HTTP server whose package is replaced while it serves, by two ways in turn.

Two released versions of one package from PyPI are exchanged every few milliseconds, first with
`importlib.reload`, then with blockfreeze, each way in a process of its own. Every response is compared with
what the old and the new version answer when nothing is replaced: anything else is a torn call.

May import: core, and the public functions. `command` is the front; `play_round` runs one way (`server` is the other
process, `clients` the load); `workload` and `releases` say what is served; `tally` and `display` count and show.
"""
