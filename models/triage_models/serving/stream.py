"""Maps a function over an iterator on several threads: lazily, in order, in constant memory."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CHUNK = 512
"""Rows that a thread takes at a time: enough to sort them by length, few enough to keep memory flat."""

SMALLEST_CHUNK = 256
"""Rows. Fewer than this are not divided among threads: the batches would get too small."""


def divided(rows: Sequence[T], threads: int) -> Iterator[Sequence[T]]:
    """Cut rows into chunks, so that every thread gets some."""
    size = min(CHUNK, max(SMALLEST_CHUNK, -(-len(rows) // threads)))
    return (rows[start : start + size] for start in range(0, len(rows), size))


def chunked(items: Iterable[T], size: int) -> Generator[list[T], None, None]:
    """Group items into lists of ``size``; the last list may be shorter.

    An exception of ``items`` is raised after the list of the items before it.
    """
    failure: Exception | None = None
    chunk: list[T] = []
    iterator = iter(items)
    while failure is None:
        try:
            chunk.append(next(iterator))
        except StopIteration:
            break
        except Exception as error:
            failure = error
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
    if failure is not None:
        raise failure


def map_in_order(function: Callable[[T], R], items: Iterable[T], threads: int) -> Generator[R, None, None]:
    """Yield ``function(item)`` for each item, in the order of the items.

    Nothing runs before the first result is asked for. Then at most ``threads + 1`` items are in work or wait for their
    turn, so a slow consumer slows the reading down. Items are read on the consumer's thread.

    An exception of ``items`` is raised after the results of the items before it. Closing the generator, an exception
    of ``function`` and Ctrl-C drop the items that wait, and end the threads after the calls that are running.

    Args:
        function: called from ``threads`` threads at once; with 1, on the consumer's own thread.
        items: read only as far as results are asked for.
        threads: how many calls run at once.
    """
    if threads == 1:
        yield from map(function, items)
        return
    pending: deque[Future[R]] = deque()
    failure: Exception | None = None
    iterator = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="triage-classify")
    try:
        while failure is None:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                continue
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if failure is not None:
        raise failure


def flattened(chunks: Generator[Iterable[T], None, None]) -> Generator[T, None, None]:
    """Yield the items of each chunk; closing this closes the generator of the chunks."""
    with closing(chunks):
        for chunk in chunks:
            yield from chunk
