"""Transactional producers: their back-off, the warning that is hidden, and the error that ended a transaction."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    ProducerFenced,
    TopicAuthorizationFailedError,
)
from triage_worker.kafka.client_compat import transactions
from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transactions import (
    RETRY_BACKOFF_MS,
    hide_verification_warnings,
    lengthening_backoff,
    raising_transaction_error,
)

from tests.worker.kafka.client_compat.scripted_broker import (
    TOPIC,
    ScriptedBroker,
    added,
    eventually,
    produced,
)

ASK = {
    "begin": lambda producer: producer.begin_transaction(),
    "send": lambda producer: producer.send_batch(producer.create_batch(), TOPIC, partition=0),
    "offsets": lambda producer: producer.send_offsets_to_transaction({TopicPartition("in", 0): 1}, "group"),
    "commit": lambda producer: producer.commit_transaction(),
    "abort": lambda producer: producer.abort_transaction(),
}
"""What may be asked of a producer whose transaction has ended."""


@pytest.fixture
async def producer(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaProducer]:
    """A producer in a transaction."""
    made = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id="id", retry_backoff_ms=RETRY_BACKOFF_MS)
    await made.start()
    await made.begin_transaction()
    yield made
    await abandon(made)


@pytest.fixture
async def fenced(broker: ScriptedBroker, producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """A producer that has noticed that another has its id."""
    broker.script["AddPartitionsToTxnRequest"] = added(InvalidProducerEpoch.errno)
    await refused(producer)
    return producer


async def refused(producer: AIOKafkaProducer) -> None:
    """Send a record, and wait until the sender has seen the answer that ends the transaction."""
    future = await producer.send(TOPIC, b"late", partition=0)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    assert producer._txn_manager is not None
    ended = producer._txn_manager.wait_for_transaction_end()
    assert ended is not None
    await asyncio.wait([ended], timeout=10)


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
async def test_a_fenced_producer_says_so_whatever_it_is_asked(
    fenced: AIOKafkaProducer, ask: Callable[[AIOKafkaProducer], Awaitable[object]]
) -> None:
    with pytest.raises(ProducerFenced), raising_transaction_error(fenced):
        await ask(fenced)


async def test_another_error_that_ended_the_transaction_is_raised(
    broker: ScriptedBroker, producer: AIOKafkaProducer
) -> None:
    broker.script["AddPartitionsToTxnRequest"] = added(TopicAuthorizationFailedError.errno)
    await refused(producer)
    with pytest.raises(TopicAuthorizationFailedError) as caught, raising_transaction_error(producer):
        await producer.send(TOPIC, b"late", partition=0)
    assert caught.value.args == ({TOPIC},)


async def test_an_assertion_without_a_reason_is_an_error_of_kafka(producer: AIOKafkaProducer) -> None:
    with pytest.raises(KafkaError, match="Invalid state transition"), raising_transaction_error(producer):
        await producer.begin_transaction()


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
async def test_aiokafka_alone_loses_the_reason(
    fenced: AIOKafkaProducer, ask: Callable[[AIOKafkaProducer], Awaitable[object]]
) -> None:
    with pytest.raises((AssertionError, IllegalOperation)):
        await ask(fenced)


async def test_aiokafka_alone_breaks_where_a_fenced_producer_has_a_request_on_its_way(
    broker: ScriptedBroker, producer: AIOKafkaProducer
) -> None:
    """The batch has failed already when its answer says that it may be sent again."""
    fenced_meanwhile = asyncio.Event()

    async def refused_late(request: Any) -> Any:
        await fenced_meanwhile.wait()
        return produced(NotEnoughReplicasError.errno)(request)

    broker.script["ProduceRequest"] = refused_late
    first = await producer.send(TOPIC, b"v", partition=0)
    await broker.wait_for_requests("ProduceRequest")
    (sending,) = (task for task in asyncio.all_tasks() if "_send_produce_req" in repr(task))
    broker.script["AddPartitionsToTxnRequest"] = added(InvalidProducerEpoch.errno)
    second = await producer.send(TOPIC, b"v", partition=1)
    for future in (first, second):
        with pytest.raises(ProducerFenced):
            await future
    fenced_meanwhile.set()
    with pytest.raises(KeyError):
        await asyncio.wait_for(sending, 10)


async def test_aiokafka_alone_commits_a_transaction_whose_records_failed(
    broker: ScriptedBroker, producer: AIOKafkaProducer
) -> None:
    """So a transaction may only be committed after each record's future; see `PartitionTransactions`."""
    broker.script["ProduceRequest"] = produced(MessageSizeTooLargeError.errno)
    future = await producer.send(TOPIC, b"large", partition=0)
    await producer.commit_transaction()
    assert [request.transaction_result for request in broker.asked("EndTxnRequest")] == [True]
    with pytest.raises(MessageSizeTooLargeError):
        await future


async def test_a_long_transaction_lengthens_the_backoff_of_a_started_producer(
    broker: ScriptedBroker, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "LONG_RETRY_AFTER_S", 0.3)
    monkeypatch.setattr(transactions, "LONG_RETRY_BACKOFF_MS", 1_000)
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno)
    with lengthening_backoff(producer):
        future = await producer.send(TOPIC, b"v", partition=0)
        await asyncio.sleep(0.25)
        hasty = len(broker.asked("ProduceRequest"))
        await asyncio.sleep(0.25)
        patient = len(broker.asked("ProduceRequest"))
        await asyncio.sleep(0.25)
        assert len(broker.asked("ProduceRequest")) <= patient + 1
    assert hasty > 3
    assert producer._sender._retry_backoff == RETRY_BACKOFF_MS / 1_000
    future.cancel()


async def test_aiokafka_alone_waits_for_its_backoff_before_each_first_record(broker: ScriptedBroker) -> None:
    """A broker refuses the first record of a transaction while it verifies it; each then costs 100 ms."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id="id")
    await producer.start()
    begun = time.monotonic()
    for _ in range(3):
        broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno, once=True)
        async with producer.transaction():
            await producer.send_and_wait(TOPIC, b"v", partition=0)
    assert time.monotonic() - begun > 0.3
    await producer.stop()


async def test_the_warning_is_hidden_until_a_transaction_takes_long(
    broker: ScriptedBroker,
    producer: AIOKafkaProducer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transactions, "LONG_RETRY_AFTER_S", 0.5)
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno)
    hide_verification_warnings()
    with lengthening_backoff(producer):
        future = await producer.send(TOPIC, b"v", partition=0)
        await asyncio.sleep(0.15)
        assert len(broker.asked("ProduceRequest")) > 1
        assert warnings(caplog) == []
        await eventually(lambda: warnings(caplog))
    caplog.clear()
    await asyncio.sleep(0.15)
    assert warnings(caplog) == []
    future.cancel()


async def test_hiding_it_again_changes_nothing() -> None:
    hide_verification_warnings()
    once = list(SENDER_LOG.filters)
    hide_verification_warnings()
    assert SENDER_LOG.filters == once


async def test_other_warnings_pass(
    broker: ScriptedBroker, producer: AIOKafkaProducer, caplog: pytest.LogCaptureFixture
) -> None:
    hide_verification_warnings()
    broker.script["ProduceRequest"] = produced(NotLeaderForPartitionError.errno)
    future = await producer.send(TOPIC, b"v", partition=0)
    await asyncio.sleep(0.1)
    assert "NotLeaderForPartitionError" in warnings(caplog)[0]
    future.cancel()


async def test_aiokafka_alone_warns_of_each(
    broker: ScriptedBroker, producer: AIOKafkaProducer, caplog: pytest.LogCaptureFixture
) -> None:
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno, once=True)
    await producer.send_and_wait(TOPIC, b"v", partition=0)
    (warning,) = warnings(caplog)
    assert "NotEnoughReplicas" in warning


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the sender has warned of."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == SENDER_LOG.name and record.levelno >= logging.WARNING
    ]
