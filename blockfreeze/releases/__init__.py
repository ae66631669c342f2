"""Releases: immutable versions side by side in a directory, and the pointer that says which of them a service runs.

May import: core to versions. A release is read so that what is read was all there at one moment, or is refused.
"""
