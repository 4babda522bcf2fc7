"""Messages in flight: outputs come in offset order, and every message is counted once."""

import asyncio

from aiokafka.structs import TopicPartition
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record
from tests.worker.message_counts import is_balanced

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


def outputs(tracked: TrackedRecords) -> list[Output]:
    """Make an output for each record."""
    return [
        Output(tracked.tracker, read, "accepted", "WISMO", "out", b"k", b"{}", headers=[]) for read in tracked.records
    ]


async def test_outputs_are_taken_in_the_order_of_each_partition() -> None:
    in_flight = InFlightMessages(Metrics())
    for partition in (A, B):
        in_flight.offsets.assign(partition)
    a = outputs(in_flight.track(A, [record(A, offset, b"{}") for offset in range(3)]))
    b = outputs(in_flight.track(B, [record(B, offset, b"{}") for offset in range(2)]))
    in_flight.complete([a[1], b[0], a[2]])
    assert in_flight.released == 1
    in_flight.complete([a[0], b[1]])
    taken = await in_flight.take()
    assert [output.offset for output in taken if output.tracker.partition == A] == [0, 1, 2]
    assert [output.offset for output in taken if output.tracker.partition == B] == [0, 1]
    assert in_flight.released == 0


async def test_take_waits_until_an_output_may_be_published() -> None:
    in_flight = InFlightMessages(Metrics())
    in_flight.offsets.assign(A)
    first, second = outputs(in_flight.track(A, [record(A, offset, b"{}") for offset in (4, 7)]))
    taking = asyncio.create_task(in_flight.take())
    in_flight.complete([second])
    await asyncio.sleep(0.01)
    assert not taking.done()
    in_flight.complete([first])
    assert await taking == [first, second]


async def test_a_topic_that_was_deleted_and_created_again_is_tracked_anew() -> None:
    metrics = Metrics()
    in_flight = InFlightMessages(metrics)
    in_flight.offsets.assign(A)
    before = in_flight.track(A, [record(A, offset, b"{}") for offset in (5, 6)])
    after = in_flight.track(A, [record(A, 0, b"{}")])
    assert not before.tracker.active
    in_flight.complete(outputs(before))
    assert in_flight.released == 0
    in_flight.complete(outputs(after))
    in_flight.acknowledge((await in_flight.take())[0])
    counts = in_flight.offsets.counts()
    assert (counts.read, counts.accepted, counts.returned, counts.in_flight) == (3, 1, 2, 0)
    assert metrics.registry.get_sample_value("triage_messages_given_back_total") == 2
    assert metrics.registry.get_sample_value("triage_messages_read_total") == 3


async def test_an_output_is_counted_once_and_not_after_its_partition_was_revoked() -> None:
    metrics = Metrics()
    in_flight = InFlightMessages(metrics)
    in_flight.offsets.assign(A)
    first, second = outputs(in_flight.track(A, [record(A, offset, b"{}") for offset in (0, 1)]))
    in_flight.acknowledge(first)
    in_flight.acknowledge(first)
    in_flight.revoke([A])
    in_flight.acknowledge(second)
    answered = metrics.registry.get_sample_value(
        "triage_messages_answered_total", {"outcome": "accepted", "label": "WISMO"}
    )
    assert answered == 1
    assert is_balanced(in_flight.offsets.counts())
