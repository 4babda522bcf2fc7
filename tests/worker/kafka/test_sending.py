"""Records are handed to a producer, also those without key and value."""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from triage_worker.kafka.sending import send_record

HEADERS = (("traceparent", b"00-1-2-01"), ("empty", None))


class FakeBatch:
    """A batch of records, which a producer sends as it is."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def append(self, **record: Any) -> None:
        self.records.append(record)


class FakeProducer:
    """A producer of topics with three partitions.

    Attributes:
        sent: the topic, the partition and the record, or batch of records, in order.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, int | None, dict[str, Any] | list[dict[str, Any]]]] = []

    async def send(
        self, topic: str, *, value: bytes | None, key: bytes | None, partition: int | None, headers: list[Any]
    ) -> "asyncio.Future[str]":
        assert not (key is None and value is None), "aiokafka's send asserts this"
        self.sent.append((topic, partition, {"key": key, "value": value, "headers": headers}))
        return _done()

    async def partitions_for(self, topic: str) -> Iterable[int]:
        return (2, 0, 1)  # aiokafka returns a set, which has no order

    def create_batch(self) -> FakeBatch:
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> "asyncio.Future[str]":
        self.sent.append((topic, partition, batch.records))
        return _done()


def _done() -> "asyncio.Future[str]":
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    future.set_result("acknowledged")
    return future


async def send(producer: FakeProducer, *, key: bytes | None, value: bytes | None, **where: int) -> str:
    """Send a record, and return the result of its future."""
    future = await send_record(
        cast("AIOKafkaProducer", producer), "out", key=key, value=value, headers=HEADERS, **where
    )
    return str(await future)


@pytest.mark.parametrize(("key", "value"), [(b"k", b"v"), (b"k", None), (None, b"v"), (b"", None), (None, b"")])
@pytest.mark.parametrize("where", [{}, {"partition": 2}, {"spread": 7}])
async def test_a_record_with_a_key_or_a_value_is_sent_as_it_is(
    key: bytes | None, value: bytes | None, where: dict[str, int]
) -> None:
    producer = FakeProducer()
    assert await send(producer, key=key, value=value, **where) == "acknowledged"
    record = {"key": key, "value": value, "headers": list(HEADERS)}
    assert producer.sent == [("out", where.get("partition"), record)]


@pytest.mark.parametrize(
    ("where", "partition"),
    [({}, 0), ({"spread": 1}, 1), ({"spread": 5}, 2), ({"spread": 6}, 0), ({"partition": 1, "spread": 5}, 1)],
)
async def test_a_record_without_key_and_value_is_sent_in_a_batch_of_its_own(
    where: dict[str, int], partition: int
) -> None:
    producer = FakeProducer()
    assert await send(producer, key=None, value=None, **where) == "acknowledged"
    record = {"key": None, "value": None, "timestamp": None, "headers": list(HEADERS)}
    assert producer.sent == [("out", partition, [record])]
