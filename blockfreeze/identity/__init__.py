"""One class, one object, for ever: what a new generation has made takes the place of nothing that others hold.

May import: core to dispatch. Every step is neutral for whoever runs in another generation.
"""
