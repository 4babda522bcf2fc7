"""The producer errors that only aiokafka's log has, and the log records that they are read from."""

import logging
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, NodeNotReadyError, NotEnoughReplicasError
from triage_worker.kafka.client_compat import broker_errors
from triage_worker.kafka.client_compat.broker_errors import SENDER_LOG, BrokerErrorLog
from triage_worker.kafka.client_compat.producer import abandon

from tests.worker.kafka.client_compat.scripted_broker import (
    TOPIC,
    ScriptedBroker,
    added,
    eventually,
    never,
    produced,
)


@pytest.fixture
def errors() -> BrokerErrorLog:
    return broker_errors.listen()


@pytest.fixture
async def producer(broker: ScriptedBroker) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose requests time out soon."""
    made = AIOKafkaProducer(bootstrap_servers=broker.address, transactional_id="id", request_timeout_ms=300)
    await made.start()
    yield made
    await abandon(made)


async def logged_error(producer: AIOKafkaProducer, errors: BrokerErrorLog) -> str:
    """Send a record; the error that is logged while aiokafka tries again."""
    await producer.begin_transaction()
    future = await producer.send(TOPIC, b"v", partition=0)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    await eventually(lambda: errors.within(60))
    assert not future.done()
    return str(errors.within(60))


def test_the_last_error_is_remembered_by_name(errors: BrokerErrorLog) -> None:
    SENDER_LOG.warning("Got error produce response: %s", NodeNotReadyError("node 1"))
    assert errors.within(60) == "NodeNotReadyError: node 1"
    SENDER_LOG.warning("Got error produce response on %s, retrying. Error: %s", ("out", 2), NotEnoughReplicasError)
    assert errors.within(60) == "NotEnoughReplicasError"


def test_records_below_a_warning_and_old_ones_are_left_out(errors: BrokerErrorLog) -> None:
    assert errors.within(60) is None
    SENDER_LOG.log(logging.INFO, "Discovered coordinator %s", 1)
    assert errors.within(60) is None
    SENDER_LOG.warning("Error: %s", "away")
    assert errors.within(0) is None


async def test_a_started_producer_logs_what_a_broker_refuses_for_now(
    broker: ScriptedBroker, producer: AIOKafkaProducer, errors: BrokerErrorLog
) -> None:
    broker.script["ProduceRequest"] = produced(NotEnoughReplicasError.errno)
    assert await logged_error(producer, errors) == "NotEnoughReplicasError"


async def test_a_started_producer_logs_that_a_broker_hangs(
    broker: ScriptedBroker, producer: AIOKafkaProducer, errors: BrokerErrorLog
) -> None:
    broker.script["ProduceRequest"] = never
    assert await logged_error(producer, errors) == "[Error 7] RequestTimedOutError"


async def test_a_started_producer_logs_that_the_coordinator_hangs(
    broker: ScriptedBroker, producer: AIOKafkaProducer, errors: BrokerErrorLog
) -> None:
    broker.script["AddPartitionsToTxnRequest"] = never
    assert await logged_error(producer, errors) == "[Error 7] RequestTimedOutError"


async def test_a_started_producer_logs_that_no_connection_is_made(
    broker: ScriptedBroker, producer: AIOKafkaProducer, errors: BrokerErrorLog
) -> None:
    await broker.hang_up()
    assert "NodeNotReadyError" in await logged_error(producer, errors)


async def test_a_started_producer_logs_what_ends_a_transaction(
    broker: ScriptedBroker, producer: AIOKafkaProducer, errors: BrokerErrorLog
) -> None:
    broker.script["AddPartitionsToTxnRequest"] = added(InvalidTimestampError.errno)
    await producer.begin_transaction()
    future = await producer.send(TOPIC, b"v", partition=0)
    with pytest.raises(Exception, match="Unexpected error during batch delivery"):
        await future
    assert "InvalidTimestampError" in str(errors.within(60))
