"""What can be on the input topic, or happen to it, while a worker reads it."""

import random

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from tests.kafka import admin
from tests.kafka.harness import DELIVERIES, KafkaHarness, message
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import eventually
from tests.kafka.scenario import random_messages
from tests.kafka.test_broker_faults import accepted_messages, start_worker

pytestmark = pytest.mark.kafka

LAG = 'triage_lag_messages{{partition="0",topic="{topic}"}}'
UNREADABLE = 'triage_lag_unreadable_messages{{partition="0",topic="{topic}"}}'


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_aborted_messages_are_not_answered_and_leave_no_lag(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics(partitions=1)
    committed: list[Position] = []
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        for commit in (True, False, True, False):
            await producer.begin_transaction()
            sent = [await producer.send(harness.input, message("aa"), key=b"k") for _ in range(50)]
            positions = [(0, (await future).offset) for future in sent]
            await (producer.commit_transaction() if commit else producer.abort_transaction())
            committed += positions if commit else []
    worker, endpoints = start_worker(harness, delivery)

    async def answered() -> bool:
        return len(await harness.read(harness.output)) >= len(committed)

    await eventually(answered, 60, worker.log_text)

    async def no_lag() -> bool:
        return await endpoints.metric(LAG.format(topic=harness.input)) == 0

    await eventually(no_lag, 30, worker.log_text)
    await harness.wait_until_committed(30)  # up to the last marker, so that an autoscaler sees no lag either
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert sorted(outcomes.answers) == committed
    assert outcomes.duplicated() == []
    assert outcomes.out_of_order() == []


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_added_partitions_are_read_from_their_beginning(harness: KafkaHarness, delivery: str) -> None:
    await harness.create_topics(partitions=1)
    worker, endpoints = start_worker(harness, delivery)
    await eventually(endpoints.ready, 60, worker.log_text)
    await admin.set_partitions(harness.bootstrap, harness.input, 4)
    sent = await harness.produce(random_messages(random.Random(7), 300))
    assert {partition for partition, _ in sent} == set(range(4))
    await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_worker_continues_after_messages_that_were_deleted_unread(harness: KafkaHarness, delivery: str) -> None:
    """Retention does this to a group that is far behind."""
    await harness.create_topics(partitions=1)
    first = await harness.produce(accepted_messages(100))
    worker, _ = start_worker(harness, delivery)
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    second = await harness.produce(accepted_messages(100))
    await admin.delete_records_before(harness.bootstrap, TopicPartition(harness.input, 0), 150)
    worker, _ = start_worker(harness, delivery)
    await harness.wait_until_committed()
    assert await worker.terminate() == 0, worker.log_text()
    outcomes = await harness.outcomes()
    assert sorted(outcomes.answers) == first + second[50:]
    assert outcomes.duplicated() == []


async def test_messages_behind_an_open_transaction_are_counted_by_a_metric(harness: KafkaHarness) -> None:
    await harness.create_topics(partitions=1)
    worker, endpoints = start_worker(harness, "at_least_once")

    async def all_unreadable() -> bool:
        return (
            await endpoints.metric(UNREADABLE.format(topic=harness.input)) == 7
        )  # that of the open transaction, and six committed after it

    async def none_unreadable() -> bool:
        return await endpoints.metric(UNREADABLE.format(topic=harness.input)) == 0

    await eventually(none_unreadable, 30, worker.log_text)
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(harness.input, message("open"), key=b"k")
        sent = await harness.produce([(b"k", message(f"aa {number}")) for number in range(6)])
        await eventually(all_unreadable, 30, worker.log_text)
        await producer.abort_transaction()

    async def all_answered() -> bool:
        return (await harness.outcomes()).lost(sent) == []

    await eventually(all_answered, 30, worker.log_text)
    await eventually(none_unreadable, 30, worker.log_text)
