"""What a swap has changed and could not change, and who outside holds what.

May import: core to building. Names elsewhere are pointed at new objects here; nothing of the block changes.

`diff` and `signatures` compare two generations, `repoint` changes names elsewhere, `holders` finds who holds an object,
and `stale_holders` says what is still held of the generation that was left.
"""
