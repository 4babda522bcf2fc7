"""Every operation of a fenced producer raises `ProducerFenced`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transactions import raising_transaction_error

from tests.kafka.harness import KafkaHarness

pytestmark = pytest.mark.kafka


@pytest.fixture
async def fenced(harness: KafkaHarness) -> AsyncIterator[AIOKafkaProducer]:
    """A producer with an open transaction that knows that another producer has its transactional id."""
    await harness.create_topics(1)
    first, second = (
        AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) for _ in range(2)
    )
    await first.start()
    await first.begin_transaction()
    await second.start()
    late = await first.send(harness.output, b"late")
    late.add_done_callback(asyncio.Future.exception)  # otherwise it is logged, perhaps within another test
    sender_task = first._sender.sender_task
    assert sender_task is not None
    await asyncio.wait([sender_task], timeout=30)
    yield first
    await abandon(first)
    await abandon(second)


@pytest.mark.parametrize(
    "operation",
    [
        lambda producer, topic: producer.begin_transaction(),
        lambda producer, topic: producer.send_batch(producer.create_batch(), topic, partition=0),
        lambda producer, topic: producer.send_offsets_to_transaction({}, "group"),
        lambda producer, topic: producer.commit_transaction(),
        lambda producer, topic: producer.abort_transaction(),
    ],
    ids=["begin", "send", "offsets", "commit", "abort"],
)
async def test_an_operation_raises_that_the_producer_is_fenced(
    harness: KafkaHarness, fenced: AIOKafkaProducer, operation: Callable[[AIOKafkaProducer, str], Awaitable[object]]
) -> None:
    with pytest.raises(ProducerFenced), raising_transaction_error(fenced):
        await operation(fenced, harness.output)
