"""The load: client threads that request pages and compare each response with what the two versions answer.

Each thread has a connection of its own, which stays open. It goes round the workload's calls from a starting point of
its own, one request at a time. A request that gets no response counts as failed, and the thread connects again.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from typing import Self

from blockfreeze.demo.tally import Tally

_TIMEOUT = 10.0


class Clients:
    """`count` client threads against one port, as a context manager: leaving it stops and joins them."""

    def __init__(self, count: int, port: int, answers: Sequence[tuple[str, str]], tally: Tally) -> None:
        self._port = port
        self._answers = answers
        self._tally = tally
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._request_pages, args=(number,), name=f"client-{number}", daemon=True)
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _TIMEOUT)

    def _request_pages(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        while not self._stop.is_set():
            number = (number + 1) % len(self._answers)
            started = time.perf_counter()
            try:
                connection.request("GET", f"/call/{number}")
                response = connection.getresponse()
                status, text = response.status, response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._tally.failed(f"no response: {type(error).__name__}", time.perf_counter() - started)
                # A server that is gone refuses at once: do not spin until the round notices.
                self._stop.wait(0.05)
                continue
            seconds = time.perf_counter() - started
            if status == 200:
                self._tally.answered(text, *self._answers[number], seconds)
            else:
                self._tally.failed(text, seconds)
        connection.close()
