"""For test suites: an update at every boundary of a call, in child processes; and a plugin of pytest.

May import: core to coordination. `plugin.py` alone imports pytest.
"""
