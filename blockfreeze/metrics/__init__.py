"""Metrics of blocks for the monitoring that a program has: Prometheus and OpenTelemetry, by their own libraries.

May import: core to api. Nothing imports what is here but the program itself: each file needs an extra.
"""
