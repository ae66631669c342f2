"""Swapping: claim, arm, prepare, check, commit, converge, roll back.

May import: core to reporting. One swap of a block at a time: whoever holds its claim.
"""
