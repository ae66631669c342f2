"""Identity: a class, sentinel or enum member that others hold stays the same object in every generation.

May import: core to dispatch. Every step is neutral for whoever runs in another generation.
"""
