"""What every room uses: errors, events, results, and safe ways to look at objects that others made.

Imports nothing of blockfreeze. Results and events are immutable plain values.
"""
