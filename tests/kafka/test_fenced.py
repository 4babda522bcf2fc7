"""A producer that was fenced says so, whatever is asked of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transactions import raising_transaction_error

from tests.kafka.harness import Bench

pytestmark = pytest.mark.kafka


@pytest.fixture
async def fenced(bench: Bench) -> AsyncIterator[AIOKafkaProducer]:
    """A producer in a transaction whose id another has taken over, and which has noticed."""
    await bench.create_topics(1)
    first, second = (
        AIOKafkaProducer(bootstrap_servers=bench.bootstrap, transactional_id=bench.group) for _ in range(2)
    )
    await first.start()
    await first.begin_transaction()
    await second.start()
    late = await first.send(bench.output, b"late")
    late.add_done_callback(asyncio.Future.exception)  # else it is logged, perhaps within another test
    sender_task = first._sender.sender_task
    assert sender_task is not None
    await asyncio.wait([sender_task], timeout=30)
    yield first
    await abandon(first)
    await abandon(second)


@pytest.mark.parametrize(
    "ask",
    [
        lambda producer, topic: producer.begin_transaction(),
        lambda producer, topic: producer.send_batch(producer.create_batch(), topic, partition=0),
        lambda producer, topic: producer.send_offsets_to_transaction({}, "group"),
        lambda producer, topic: producer.commit_transaction(),
        lambda producer, topic: producer.abort_transaction(),
    ],
    ids=["begin", "send", "offsets", "commit", "abort"],
)
async def test_it_says_why(
    bench: Bench, fenced: AIOKafkaProducer, ask: Callable[[AIOKafkaProducer, str], Awaitable[object]]
) -> None:
    with pytest.raises(ProducerFenced), raising_transaction_error(fenced):
        await ask(fenced, bench.output)
