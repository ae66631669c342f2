"""Ready-made places in servers and frameworks for `serve_control`, where `blockfreeze run` does not start the program.

Each file is for one of them, and imports it. May import: as `blockfreeze.control`.
"""
