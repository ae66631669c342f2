"""What survives a swap: declared variables, their versions, and what was patched from outside.

May import: core to identity.
"""
