"""The update kit on pairs of real releases: boundaries tried, failures found, minutes.

For each pair small tests, with the mark ``update``, are run by pytest as a user would run them.
"""
