"""Functions and methods behind `functools.lru_cache` and `cache`."""

import functools


def scale(n):
    return n * 10  #v1
    return n * 1000  #v2


@functools.lru_cache(maxsize=8)
def cached(n):
    """Scale, once."""
    return ["v1", scale(n)]  #v1
    return ["v2", scale(n)]  #v2


@functools.cache
def fibonacci(n):
    return scale(1) if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Store:
    @functools.lru_cache
    def look(self, n):
        return scale(n) + 1  #v1
        return scale(n) + 2  #v2

    @staticmethod
    @functools.cache
    def total(n):
        return sum(cached(i)[1] for i in range(n))

    def __eq__(self, other):
        return isinstance(other, Store)

    def __hash__(self):
        return 7


def make():
    return {"store": Store()}


def use(held):
    cached.cache_clear()
    answers = [cached(1), cached(1), cached(n=2), cached.cache_info().hits, fibonacci(10)]
    return [*answers, held["store"].look(3), Store.total(3), cached.__wrapped__(5)]
