"""Instances that older generations made: converted, moved, or whole on the methods that they were made for.

May import: core to state. An instance is changed completely or not at all.
"""
