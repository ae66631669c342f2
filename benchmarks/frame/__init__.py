"""What the programs have in common: their command lines, their workers, their tables, and the pages these go into.

A program parses its words with `command_line`, asks in other processes by `processes` (which start a module that works
with `task`), describes its result as a `tables.Table`, and puts it on a page of the manual by `pages`. The frame
imports none of the programs.
"""
