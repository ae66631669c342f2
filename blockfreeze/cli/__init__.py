"""The command line.

May import: core to api, and the demo.
"""
