"""The command line: `command_line.main` is what the installed `blockfreeze` runs.

May import: core to api, and the demo.
"""
