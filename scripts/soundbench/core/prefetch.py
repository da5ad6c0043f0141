"""Work done ahead of who uses it, by several threads, in order and within bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")

PIECE = 8  # values that are fetched from an iterator at a time


def read_ahead(iterators: Iterable[Iterator[T]], threads: int, depth: int) -> Iterator[T]:
    """All values of the iterators, in order, fetched by ``threads`` while those before them are used.

    At most ``depth`` iterators are begun ahead, each with :data:`PIECE` values, so that neither their number nor their
    length takes memory.
    """
    coming, begun = iter(iterators), deque[tuple[Iterator[T], Future[list[T]]]]()
    pool = ThreadPoolExecutor(threads)

    def fetch(iterator: Iterator[T]) -> tuple[Iterator[T], Future[list[T]]]:
        return iterator, pool.submit(lambda: list(islice(iterator, PIECE)))

    try:
        begun.extend(map(fetch, islice(coming, depth)))
        while begun:
            iterator, future = begun.popleft()
            values = future.result()
            if len(values) == PIECE:  # there may be more
                begun.appendleft(fetch(iterator))
            else:
                begun.extend(map(fetch, islice(coming, 1)))
            yield from values
    finally:
        pool.shutdown(cancel_futures=True)


def map_ahead(function: Callable[[T], S], values: Iterable[T], threads: int) -> Iterator[tuple[T, S]]:
    """Each value with what ``function`` makes of it, in order; ``threads`` of them are computed at a time."""
    begun = deque[tuple[T, Future[S]]]()
    pool = ThreadPoolExecutor(threads)
    try:
        for value in values:
            begun.append((value, pool.submit(function, value)))
            if len(begun) > threads:
                value, future = begun.popleft()
                yield value, future.result()
        for value, future in begun:
            yield value, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
