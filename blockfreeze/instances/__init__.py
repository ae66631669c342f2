"""Instances that older versions made: converted, moved, or left whole on the methods that they were made for.

May import: core to state. An instance is changed completely or not at all.
"""
