"""Who still runs in a retired generation, found when asked; nothing is counted on the call path.

May import: core to instances. A search errs to one side only: what cannot be told is said to run.
"""
