"""Advice before a deploy: changes of meaning that are no errors, and who can meet them, read off two texts.

Calls inside of one version never meet another, so nothing is said of them. What outlives a swap can: objects and state
that the version before made, and code outside that has asked both. Nothing is executed. May import: core to versions.
"""
