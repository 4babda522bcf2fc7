"""When the partitions of one worker start, and how long they gather outputs for a transaction."""

import asyncio
from contextlib import ExitStack

import pytest
from triage_worker.streaming.delivery.transaction_pace import TransactionPace

from tests.worker.streaming.delivery.fakes import wait_for


def test_a_few_partitions_gather_for_the_interval() -> None:
    pace = TransactionPace(0.1, most_per_s=100)
    with ExitStack() as stack:
        assert [stack.enter_context(pace.gathering()) for _ in range(10)] == [0.1] * 10


def test_many_at_once_gather_longer_and_begin_no_more_transactions_than_allowed() -> None:
    pace = TransactionPace(0.1, most_per_s=100)
    with ExitStack() as stack:
        intervals = [stack.enter_context(pace.gathering()) for _ in range(200)]
    assert intervals[-1] == pytest.approx(2.0)
    assert intervals == sorted(intervals)
    with pace.gathering() as interval_s:
        assert interval_s == 0.1


def test_a_partition_that_is_cancelled_is_not_counted_any_more() -> None:
    pace = TransactionPace(0.0, most_per_s=1)
    with pytest.raises(ValueError, match="cancelled"), pace.gathering():
        raise ValueError("cancelled")
    with pace.gathering() as interval_s:
        assert interval_s == 1.0


async def begun(pace: TransactionPace, ends: asyncio.Event, started: list[int], number: int) -> None:
    async with pace.starting():
        started.append(number)
        await ends.wait()


async def test_so_many_partitions_start_at_a_time() -> None:
    pace, started, ends = TransactionPace(0.1, starts=2, start_s=60), list[int](), [asyncio.Event() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        for number, end in enumerate(ends):
            group.create_task(begun(pace, end, started, number))
        await asyncio.sleep(0.01)
        assert started == [0, 1]
        ends[1].set()
        await asyncio.sleep(0.01)
        assert started == [0, 1, 2]
        for end in ends:
            end.set()
    assert started == [0, 1, 2, 3]


async def test_a_partition_that_waits_for_a_broker_does_not_hold_up_the_others_for_long() -> None:
    pace, started, ends = TransactionPace(0.1, starts=1, start_s=0.01), list[int](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(begun(pace, ends, started, number))
        await wait_for(lambda: len(started) == 3)
        ends.set()
    async with asyncio.timeout(10), pace.starting():
        pass
