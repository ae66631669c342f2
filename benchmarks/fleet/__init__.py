"""Fleets: what roll-outs do while their engine is killed, paused and cut off, and what they ask of it."""
