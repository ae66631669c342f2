"""Words that everybody uses: errors, events, results, and how objects of others are asked anything.

Imports nothing of blockfreeze. Results and events are immutable plain values.
"""
