"""How long after a save does a server answer with it, and what becomes of its connections?

`python -m benchmarks.saves` saves a file of a small application again and again, while a client asks on a connection
that it keeps as long as it can: under `blockfreeze watch`, uvicorn's own reloader, and Flask's. Then a program under
`watch` is saved in a random order of versions that are good, cannot be parsed, or raise, under the load of other
clients: it must always answer with the last good one.
"""
