"""Linking: a code object in, a code object out. Nothing is executed, and nothing is known of blocks.

What becomes of which instruction is described once (`nested_code`, `top_level`; `edits` is the form). `by_bytes` writes
it into the bytes of a code object, `by_library` does so with the `bytecode` library; `writing` says who does it here.

May import: core. Invariants: instructions keep their source positions; the same input gives an equal result; a code
object that need not change is returned as it is.
"""
