"""What a service finishes when it is stopped, and what it does not wait for."""

import asyncio
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming import draining, process_end
from triage_worker.streaming.draining import Draining
from triage_worker.streaming.tracking.in_flight import InFlightMessages

from tests.worker.fakes import record
from tests.worker.streaming.fakes import FakeDelivery, FakeProcessor

PLACE = TopicPartition("in", 0)


class DrainingHarness:
    """A service with messages in flight, which is stopped.

    Attributes:
        calls: what was called, in order.
    """

    def __init__(self, *offsets: int) -> None:
        self.calls: list[str] = []
        self.in_flight = InFlightMessages(Metrics())
        self.in_flight.offsets.assign(PLACE)
        if offsets:
            self.in_flight.track(PLACE, [record(PLACE, offset, b"{}") for offset in offsets])
        self.processor = FakeProcessor(self.calls)
        self.delivery: Any = FakeDelivery(self.calls, commits_offsets=False)
        self.commit_hangs = False

    async def commit(self) -> None:
        self.calls.append("commit")
        if self.commit_hangs:
            await asyncio.Event().wait()

    def drain(self, limit_s: float = 60) -> "asyncio.Task[None]":
        """Start to drain."""
        made = Draining(self.in_flight, self.processor, self.delivery, limit_s)
        return asyncio.create_task(made.run(self.commit))

    def acknowledge(self, *offsets: int) -> None:
        for offset in offsets:
            self.in_flight.offsets[PLACE].acknowledge(offset, "accepted")


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUEUED_S", "STUCK_S", "COMMIT_S", "STUCK_COMMIT_S"):
        monkeypatch.setattr(draining, name, 0.05)


async def ended(task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(10):
        await task


async def test_nothing_in_flight_is_committed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "QUEUED_S", 60)
    harness = DrainingHarness()
    await ended(harness.drain())
    assert harness.calls == ["commit"]


async def test_messages_that_are_not_begun_in_time_are_dropped_and_running_ones_are_finished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draining, "QUEUED_S", 0.5)
    harness = DrainingHarness(1, 2)
    harness.processor.is_idle = False
    task = harness.drain()
    await asyncio.sleep(0.02)
    assert harness.calls == ["flush"], "queued messages are still begun"
    await asyncio.sleep(0.6)
    assert (harness.calls, task.done()) == (["flush", "pause processor"], False)
    harness.acknowledge(1)
    harness.processor.is_idle = True
    await ended(task)
    assert harness.calls == ["flush", "pause processor", "commit"]
    assert harness.in_flight.offsets.in_flight == 1, "it is read again"


async def test_running_work_has_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    harness = DrainingHarness(1)
    harness.processor.is_idle = False
    await ended(harness.drain(limit_s=0.1))
    assert "Not everything was finished in time" in caplog.text
    assert harness.calls[-1] == "commit"


async def test_outputs_are_waited_for_while_the_broker_takes_some() -> None:
    harness = DrainingHarness(1)
    harness.delivery.outstanding = 1
    harness.delivery.waiting_s = 0.01
    task = harness.drain()
    await asyncio.sleep(0.2)
    assert not task.done()
    harness.acknowledge(1)
    harness.delivery.outstanding = 0
    await ended(task)
    assert harness.calls[-1] == "commit"


@pytest.mark.parametrize("running", [False, True])
async def test_a_broker_that_takes_no_outputs_is_not_waited_for(
    running: bool, caplog: pytest.LogCaptureFixture
) -> None:
    harness = DrainingHarness(1)
    harness.processor.is_idle = not running
    harness.delivery.outstanding, harness.delivery.waiting_s = 1, 600.0
    await ended(harness.drain())
    assert "Not everything was finished in time" in caplog.text


async def test_a_commit_that_hangs_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    harness = DrainingHarness()
    harness.commit_hangs = True
    await ended(harness.drain())
    assert "The last commit was not confirmed in time" in caplog.text


async def test_what_nothing_can_answer_at_present_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "QUEUED_S", 60)
    harness = DrainingHarness(1)
    harness.processor.problem = "the schema registry does not answer"
    await ended(harness.drain())
    assert harness.calls == ["pause processor", "commit"]


async def test_a_late_commit_has_the_rest_of_the_time_and_one_after_long_work_has_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    now = 100.0
    monkeypatch.setattr(draining, "monotonic", lambda: now)
    harness = DrainingHarness()
    made = Draining(harness.in_flight, harness.processor, harness.delivery, 20)
    assert made._commit_s == draining.COMMIT_S
    now += draining.QUEUED_S
    assert made._commit_s == pytest.approx(draining.COMMITTED_S - draining.QUEUED_S)
    now += 10
    assert made._commit_s == draining.COMMIT_S


def test_every_end_that_waits_for_a_broker_is_below_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    exit_s = process_end.LOG_S
    nothing_taken = draining.QUEUED_S + draining.STUCK_S + draining.STUCK_COMMIT_S + process_end.CLOSE_SOON_S
    nothing_committed = draining.COMMITTED_S + process_end.CLOSE_S
    assert max(nothing_taken, nothing_committed, process_end.LIMIT_S) + exit_s < 4.7
    assert draining.COMMIT_S <= process_end.LIMIT_S - process_end.CLOSE_S
    assert draining.QUEUED_S + draining.STUCK_COMMIT_S <= draining.COMMITTED_S, "a commit after the queue has time"
