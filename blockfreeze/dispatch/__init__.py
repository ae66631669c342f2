"""The call path: which generation a call, a look-up or a frame belongs to, and what serves it there.

May import: core to model. Invariant: what decides and what serves come out of one load of the reference.
"""
