"""The parallel map: order, laziness, back-pressure, errors on either side, and the end of its threads."""

import gc
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import TypeVar

import pytest
from triage_models.serving.stream import chunked, map_in_order

T = TypeVar("T")
THREADS = [1, 2, 4]


def running() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("triage-classify")}


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """No test may leave a thread behind."""
    yield
    assert running() == set()


def collect(results: Iterable[T]) -> tuple[list[T], Exception | None]:
    """The results, and the error that ended them."""
    found: list[T] = []
    try:
        for result in results:
            found.append(result)
    except Exception as error:
        return found, error
    return found, None


def failing_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise OSError("the disk is gone")


@pytest.mark.parametrize("threads", THREADS)
def test_results_keep_the_order_of_the_items(threads: int) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        return number * 2

    assert list(map_in_order(slow_at_first, range(40), threads)) == [number * 2 for number in range(40)]


@pytest.mark.parametrize("threads", THREADS)
def test_no_items_give_no_results(threads: int) -> None:
    assert list(map_in_order(str, [], threads)) == []
    assert list(chunked([], 3)) == []


def test_calls_run_at_once_on_threads_and_on_the_callers_own_thread_with_one() -> None:
    together = threading.Barrier(3, timeout=30)
    assert len(set(map_in_order(lambda _: (together.wait(), threading.get_ident())[1], range(3), 3))) == 3
    assert set(map_in_order(lambda _: threading.get_ident(), range(3), 1)) == {threading.get_ident()}


@pytest.mark.parametrize("threads", THREADS)
def test_nothing_is_read_before_a_result_is_asked_for_and_then_little(threads: int) -> None:
    read: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            read.append(len(read))
            yield read[-1]

    results = map_in_order(str, endless(), threads)
    assert read == []
    for asked in range(1, 20):
        next(results)
        time.sleep(0.001)
        assert len(read) <= asked + threads
    results.close()


def test_a_chunk_is_read_when_it_is_asked_for() -> None:
    numbers = iter(range(10))
    chunks = chunked(numbers, 4)
    assert next(chunks) == [0, 1, 2, 3]
    assert next(numbers) == 4
    assert list(chunks) == [[5, 6, 7, 8], [9]]


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_of_the_input_comes_after_the_results_before_it(threads: int) -> None:
    results = map_in_order(sum, chunked(failing_after(10), 4), threads)
    found, error = collect(results)
    assert isinstance(error, OSError)
    assert str(error) == "the disk is gone"
    assert found == [0 + 1 + 2 + 3, 4 + 5 + 6 + 7, 8 + 9]


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_of_the_function_comes_at_its_place_and_drops_what_waits(threads: int) -> None:
    called: list[int] = []

    def divide(number: int) -> float:
        called.append(number)
        return 1 / (number - 3)

    found, error = collect(map_in_order(divide, range(1000), threads))
    assert isinstance(error, ZeroDivisionError)
    assert len(found) == 3
    assert len(called) <= 4 + threads


@pytest.mark.parametrize("threads", [2, 4])
def test_closing_early_ends_the_threads_after_the_calls_that_run(threads: int) -> None:
    ended: list[int] = []

    def slow(number: int) -> int:
        time.sleep(0.05 if number else 0)
        ended.append(number)
        return number

    results = map_in_order(slow, range(1000), threads)
    assert next(results) == 0
    assert running()
    results.close()
    assert running() == set()
    assert len(ended) <= 1 + threads


def test_a_generator_that_nobody_finishes_ends_with_its_last_reference() -> None:
    results = map_in_order(str, range(1000), 2)
    next(results)
    del results
    gc.collect()
    assert running() == set()


def test_an_interruption_of_the_consumer_ends_the_threads() -> None:
    results = map_in_order(str, range(1000), 2)
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert running() == set()


def test_memory_does_not_grow_with_the_number_of_items() -> None:
    def peak(items: int) -> int:
        tracemalloc.start()
        for _ in map_in_order(lambda chunk: [text * 2 for text in chunk], chunked(map(str, range(items)), 100), 2):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(1_000)
    assert peak(100_000) < 1.5 * peak(5_000) + 100_000
