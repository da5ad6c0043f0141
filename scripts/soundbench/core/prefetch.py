"""Prefetching: threads compute values in advance, in order and within bounded memory; the system reads files."""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np

T = TypeVar("T")
S = TypeVar("S")

PIECE = 8  # values that are fetched from an iterator at once


def prefetched(iterators: Iterable[Iterator[T]], threads: int, depth: int) -> Iterator[T]:
    """All values of the iterators, in order; ``threads`` fetch them while earlier values are used.

    At most ``depth`` iterators are started in advance, with :data:`PIECE` values each, so that the memory depends
    neither on their number nor on their length.
    """
    remaining = iter(iterators)
    started = deque[tuple[Iterator[T], Future[list[T]]]]()
    pool = ThreadPoolExecutor(threads)

    def fetch(iterator: Iterator[T]) -> tuple[Iterator[T], Future[list[T]]]:
        return iterator, pool.submit(lambda: list(islice(iterator, PIECE)))

    try:
        started.extend(map(fetch, islice(remaining, depth)))
        while started:
            iterator, future = started.popleft()
            values = future.result()
            if len(values) == PIECE:  # the iterator may have more
                started.appendleft(fetch(iterator))
            else:
                started.extend(map(fetch, islice(remaining, 1)))
            yield from values
    finally:
        pool.shutdown(cancel_futures=True)


def mapped_in_threads(function: Callable[[T], S], values: Iterable[T], threads: int) -> Iterator[tuple[T, S]]:
    """Each value with the result of ``function``, in order; ``threads`` results are computed at the same time."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield from mapped_in_pool(pool, function, values, threads)
    finally:
        pool.shutdown(cancel_futures=True)


def mapped_in_pool(
    pool: Executor, function: Callable[[T], S], values: Iterable[T], depth: int
) -> Iterator[tuple[T, S]]:
    """Each value with the result of ``function``, in order; at most ``depth`` results are computed in advance.

    The method ``map`` of a pool computes all of them, however many wait to be used.
    """
    started = deque[tuple[T, Future[S]]]()
    for value in values:
        started.append((value, pool.submit(function, value)))
        if len(started) > depth:
            first, future = started.popleft()
            yield first, future.result()
    for first, future in started:
        yield first, future.result()


def prefetch_rows(values: np.ndarray, first: int, last: int) -> None:
    """Tell the system that ``values[first:last]`` will be read soon, so that it reads them from the disk meanwhile.

    This does nothing for arrays that are no memory map of a file, and on systems that take no such advice.
    """
    memory = values.base
    if not isinstance(values, np.memmap) or not isinstance(memory, mmap.mmap) or not hasattr(memory, "madvise"):
        return
    begin = values.offset % mmap.ALLOCATIONGRANULARITY
    start = begin + first * values.strides[0]
    page = start - start % mmap.PAGESIZE
    memory.madvise(mmap.MADV_WILLNEED, page, begin + last * values.strides[0] - page)
