"""Linking: a code object in, a code object out. Nothing is executed, and nothing is known of blocks.

May import: core. Invariants: positions are kept; the same input gives an equal result; what need not change is returned
as it is.
"""
