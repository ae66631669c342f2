"""What survives a swap: variables, their versions, and what was patched from outside.

May import: core to identity.
"""
