"""What blockfreeze costs, one question per file, each answered by a ratio against something plain.

Baseline and candidate run interleaved in one process: many short batches in shuffled order, so that what the machine
does meanwhile hits both. A *round* is one such set of batches and yields one pair of medians and so one ratio; the
answer is the median of the rounds' ratios with their quartiles. Call costs are measured in several processes, because
where code happens to lie in memory is worth some per cent. A peer (``importlib.reload``, jurigged) has processes of
its own and the same baseline. ``python -m benchmarks --help`` lists the options.
"""
