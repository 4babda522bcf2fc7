"""The batching of Faust's events."""

import asyncio
from collections.abc import Callable

import pytest
from triage_worker.kafka.records import InputRecord
from triage_worker.router.event_batcher import MAX_PENDING, EventBatcher
from triage_worker.router.metrics import RouterMetrics

from tests.worker.router.fakes import FakeRecord, SimulatedCrash


async def until(condition: Callable[[], bool]) -> None:
    """Run the event loop until a condition holds."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("the condition does not hold")


class FakeEvents:
    """Makes events, and records which of them are acknowledged."""

    def __init__(self) -> None:
        self.acked: list[int] = []

    def event(self, offset: int) -> "FakeEvent":
        return FakeEvent(FakeRecord(offset, None, b"x"), self.acked)


class FakeEvent:
    def __init__(self, message: FakeRecord, acked: list[int]) -> None:
        self.message: InputRecord = message
        self._acked = acked

    def ack(self) -> bool:
        self._acked.append(self.message.offset)
        return True


async def test_events_that_arrive_while_a_batch_runs_are_the_next_batch() -> None:
    events, sizes, gate = FakeEvents(), list[int](), asyncio.Event()

    async def process(messages: object) -> None:
        sizes.append(len(messages))  # type: ignore[arg-type]
        await gate.wait()
        assert events.acked == list(range(sum(sizes[:-1])))

    batcher = EventBatcher(process, RouterMetrics())
    running = asyncio.create_task(batcher.run())
    await batcher.put(events.event(0))
    await until(lambda: bool(sizes))
    for offset in range(1, 1 + MAX_PENDING):
        await batcher.put(events.event(offset))
    full = asyncio.create_task(batcher.put(events.event(MAX_PENDING + 1)))
    await asyncio.sleep(0)
    assert not full.done()
    gate.set()
    await full
    await until(lambda: len(events.acked) == MAX_PENDING + 2)
    assert sizes == [1, MAX_PENDING, 1]
    running.cancel()


async def test_a_batch_that_fails_is_not_acknowledged() -> None:
    events = FakeEvents()

    async def process(_: object) -> None:
        raise SimulatedCrash

    batcher = EventBatcher(process, RouterMetrics())
    await batcher.put(events.event(0))
    with pytest.raises(SimulatedCrash):
        await batcher.run()
    assert events.acked == []


async def test_discarded_events_are_not_processed() -> None:
    events, seen = FakeEvents(), list[int]()

    async def process(messages: object) -> None:
        seen.extend(message.offset for message in messages)  # type: ignore[attr-defined]

    batcher = EventBatcher(process, RouterMetrics())
    await batcher.put(events.event(0))
    await batcher.discard_pending()
    await batcher.put(events.event(1))
    running = asyncio.create_task(batcher.run())
    await until(lambda: bool(events.acked))
    running.cancel()
    assert seen == events.acked == [1]
