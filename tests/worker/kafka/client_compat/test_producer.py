"""Producers that are halted or abandoned, and the time-out of their queue; the last tests show aiokafka alone."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
)
from triage_worker.kafka.client_compat.producer import abandon, halt, set_hand_over_timeout

from tests.worker.kafka.client_compat.scripted_broker import (
    TOPIC,
    ScriptedBroker,
    never,
    produced,
)

FULL = b"v" * 900
"""A value of which only one fits into a batch of these producers."""


@pytest.fixture(autouse=True)
def short_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for requests that a broker does not answer."""
    monkeypatch.setattr("triage_worker.kafka.client_compat.producer.CLOSE_TIMEOUT_S", 0.3)


async def started(broker: ScriptedBroker, **arguments: Any) -> AIOKafkaProducer:
    """An idempotent producer with small batches."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.address, enable_idempotence=True, max_batch_size=1_000, **arguments
    )
    await producer.start()
    return producer


async def test_abandon_ends_a_producer_whose_records_are_refused_for_ever(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno)
    producer = await started(broker)
    waiting = [await producer.send(TOPIC, FULL, partition=partition) for partition in (0, 1)]
    async with asyncio.timeout(5):
        await abandon(producer)
    for future in waiting:
        with pytest.raises(ProducerClosed):
            await future


async def test_abandon_ends_a_producer_whose_broker_hangs(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = never
    producer = await started(broker)
    future = await producer.send(TOPIC, FULL, partition=0)
    await broker.wait_for_requests("ProduceRequest")
    async with asyncio.timeout(5):
        await abandon(producer)
    with pytest.raises(ProducerClosed):
        await future
    assert not any("aiokafka" in repr(task) for task in asyncio.all_tasks()), "tasks are left"


async def test_abandon_raises_nothing_where_not_even_a_connection_is_made(broker: ScriptedBroker) -> None:
    """Its sender then ends by a cancellation, which must not reach the task that abandons the producer."""
    broker.script["ProduceRequest"] = never
    producer = await started(broker)
    future = await producer.send(TOPIC, FULL, partition=0)
    await broker.wait_for_requests("ProduceRequest")
    broker.script["ApiVersionRequest"] = never
    for connection in producer.client._conns.values():
        connection.close()
    async with asyncio.timeout(5):
        await abandon(producer)
    with pytest.raises(ProducerClosed):
        await future


async def test_nothing_follows_a_refused_batch_once_the_producer_is_halted(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = produced(MessageSizeTooLargeError.errno)
    producer = await started(broker)
    first = await producer.send(TOPIC, FULL, partition=0)
    first.add_done_callback(lambda _: halt(producer))
    second = asyncio.create_task(send(producer))
    with pytest.raises(MessageSizeTooLargeError):
        await first
    with pytest.raises(ProducerClosed):
        await second
    await abandon(producer)
    assert len(broker.asked("ProduceRequest")) == 1


async def test_a_full_queue_waits_for_the_hand_over_timeout(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = never
    producer = await started(broker, request_timeout_ms=60_000)
    set_hand_over_timeout(producer, 300)
    await fill(broker, producer)
    begun = time.monotonic()
    with pytest.raises(KafkaTimeoutError):
        await producer.send(TOPIC, FULL, partition=0)
    assert time.monotonic() - begun < 5
    assert broker.asked("ProduceRequest")[0].timeout == 60_000, "requests keep their own"
    await producer.client.close()
    await abandon(producer)


async def test_aiokafka_alone_waits_for_ever_when_stopped(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno)
    producer = await started(broker)
    await producer.send(TOPIC, FULL, partition=0)
    stopping = asyncio.create_task(producer.stop())
    done, _ = await asyncio.wait([stopping], timeout=0.5)
    assert not done
    broker.script["ProduceRequest"] = produced()
    await stopping


async def test_aiokafka_alone_sends_on_after_a_refused_batch(broker: ScriptedBroker) -> None:
    """The broker then misses a sequence number, or, from a new producer, takes the batch out of order."""
    broker.script["ProduceRequest"] = produced(MessageSizeTooLargeError.errno)
    producer = await started(broker)
    first = await producer.send(TOPIC, FULL, partition=0)
    second = asyncio.create_task(send(producer))
    with pytest.raises(MessageSizeTooLargeError):
        await first
    broker.script["ProduceRequest"] = produced(OutOfOrderSequenceNumber.errno)
    with pytest.raises((MessageSizeTooLargeError, OutOfOrderSequenceNumber)):
        await second
    assert len(broker.asked("ProduceRequest")) == 2
    await producer.stop()


async def test_aiokafka_alone_has_one_timeout_for_requests_and_its_queue(broker: ScriptedBroker) -> None:
    broker.script["ProduceRequest"] = never
    producer = await started(broker, request_timeout_ms=300)
    await fill(broker, producer)
    with pytest.raises(KafkaTimeoutError):
        await producer.send(TOPIC, FULL, partition=0)
    broker.script["ProduceRequest"] = produced()
    await producer.stop()


async def test_aiokafka_alone_asserts_against_a_record_of_nothing(broker: ScriptedBroker) -> None:
    producer = await started(broker)
    with pytest.raises(AssertionError):
        await producer.send(TOPIC)
    await producer.stop()


async def fill(broker: ScriptedBroker, producer: AIOKafkaProducer) -> None:
    """Have one batch on its way and one waiting."""
    for _ in range(2):
        future = await producer.send(TOPIC, FULL, partition=0)
        future.add_done_callback(asyncio.Future.exception)
        await broker.wait_for_requests("ProduceRequest")


async def send(producer: AIOKafkaProducer) -> None:
    """Hand over a second batch and wait for it."""
    await (await producer.send(TOPIC, FULL, partition=0))
