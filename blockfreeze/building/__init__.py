"""Building a generation: modules are linked and their bodies run in private namespaces. Nothing is published.

May import: core to draining.
"""
