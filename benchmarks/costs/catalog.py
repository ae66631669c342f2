"""All questions, in the order in which they are asked and shown."""

from __future__ import annotations

from benchmarks.costs import (
    build_time,
    commit_time,
    entry_swapped,
    entry_unswapped,
    facade,
    gap,
    inlined,
    inside,
    latency,
    memory,
    method,
    overlap,
    package_again,
    package_build,
    package_swap,
    served_overlap,
    waiting,
)

QUESTIONS = {
    question.name: question
    for question in (
        inside.QUESTION,
        inlined.QUESTION,
        entry_unswapped.QUESTION,
        entry_swapped.QUESTION,
        overlap.QUESTION,
        waiting.QUESTION,
        served_overlap.QUESTION,
        facade.QUESTION,
        method.QUESTION,
        build_time.QUESTION,
        package_build.QUESTION,
        package_again.QUESTION,
        package_swap.QUESTION,
        commit_time.QUESTION,
        latency.QUESTION,
        gap.QUESTION,
        memory.QUESTION,
    )
}
