"""State only: what a block, a generation, a member and an entry are, and the one reference with its one store.

May import: core, linking, versions. Nothing here builds, dispatches or replaces anything.
"""
