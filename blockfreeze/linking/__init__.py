"""Linking: a code object in, a code object out. Nothing is executed, and nothing is known of blocks.

May import: core. Invariants: instructions keep their source positions; the same input gives an equal result; a code
object that need not change is returned as it is.
"""
