"""What a swap changed and could not change, and who outside holds what.

May import: core to building. Names elsewhere are pointed at new objects here; nothing of the block changes.
"""
