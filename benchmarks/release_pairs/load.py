"""Two threads that run a workload round after round, one through from-imports first and one through attributes first.

What they count: rounds, exceptions (by type and last line, with one traceback each), and results that neither release
gives. Each thread has its own kept instances. Nothing here sleeps: progress is awaited on a condition.
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter

from benchmarks.release_pairs.reach import Reach
from benchmarks.release_pairs.workloads import Kept, Workload

THREADS = 2
PROGRESS_SECONDS = 60.0


class Load:
    """The threads and their counts; `expected` holds, for each step, the texts that either release gives."""

    def __init__(self, workload: Workload, reaches: tuple[Reach, Reach], expected: list[set[str]]) -> None:
        self._workload = workload
        self._expected = expected
        self._stopping = False
        self._moved = threading.Condition()
        self.rounds = [0] * THREADS
        self.exceptions: Counter[str] = Counter()
        self.tracebacks: dict[str, str] = {}
        self.neither: Counter[str] = Counter()
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(number, (reaches[number % 2], reaches[1 - number % 2]), workload.keep(reaches[0])),
                name=f"load-{number}",
                daemon=True,
            )
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def await_rounds(self, more: int) -> None:
        """Wait until every thread has finished so many more rounds.

        Raises:
            TimeoutError: a thread is stuck.
        """
        with self._moved:
            goals = [done + more for done in self.rounds]
            if not self._moved.wait_for(lambda: all(map(int.__ge__, self.rounds, goals)), PROGRESS_SECONDS):
                raise TimeoutError(f"the load is stuck at {self.rounds} rounds, waiting for {goals}")

    def stop(self) -> None:
        """Let the threads end after their current round.

        Raises:
            TimeoutError: a thread does not end.
        """
        self._stopping = True
        for thread in self._threads:
            thread.join(PROGRESS_SECONDS)
            if thread.is_alive():
                raise TimeoutError(f"{thread.name} does not end")

    def _work(self, number: int, reaches: tuple[Reach, Reach], kept: Kept) -> None:
        while not self._stopping:
            try:
                results = self._workload.results(reaches[self.rounds[number] % 2], kept)
            except Exception as error:
                self._note(error)
            else:
                for step, (result, allowed) in enumerate(zip(results, self._expected, strict=True)):
                    if result not in allowed:
                        self.neither[f"step {step}: {result[:200]}"] += 1
            with self._moved:
                self.rounds[number] += 1
                self._moved.notify_all()

    def _note(self, error: Exception) -> None:
        line = traceback.format_exception_only(error)[-1].strip()[:300]
        self.exceptions[line] += 1
        self.tracebacks.setdefault(line, "".join(traceback.format_exception(error))[-3000:])
