"""The public functions, the blocks of this process and the ways in which a module becomes a block.

May import: core to swapping. `registry` is the only file with module-level mutable state.
"""
