"""Who still runs in a retired generation, found when somebody wants to know; nothing is counted on the call path.

May import: core to instances. A search errs to one side only: what cannot be told is said to run.

`stacks` finds threads and greenlets, whose stacks `moment` takes; `drain` finds what is suspended, and makes the whole
search; `closures` finds functions that were handed out. `idle` has the reference counts by which most searches end
early; `unexplained` has those that nothing explains. `background` and `quiesce` wait.
"""
