"""Is an object from before an update still what the program takes it for?

A program has classes, instances, exceptions, enum members, pickles, bound methods and sub-classes from before, and
meets those of the new version. Each relation between the two is asked after an update with each tool, in a process of
its own, in three ways: the class has not changed (functions beside it have), it has changed, and it has got another
shape (a further base). In a program that is started afresh every answer is yes.

    python -m benchmarks.identity                      # all tools
    python -m benchmarks.identity --tool blockfreeze
    python -m benchmarks.identity --page               # write the manual's table
"""
