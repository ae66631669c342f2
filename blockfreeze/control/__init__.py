"""The control socket of a process: another process of the same user asks it to prepare, commit, roll back, and to tell.

No code travels: a request names a release, which the process reads by itself. The program never waits for what is here.
May import: core to servers.
"""
