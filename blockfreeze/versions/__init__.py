"""The text of versions: where a version comes from, what its statements say, and whether two versions agree.

May import: core, linking. Nothing is executed. A snapshot is read once and does not change afterwards. What is
derived from a text belongs to the versions that have it, and goes with them: nothing here is keyed by texts for longer.
"""
