"""What may be on the input topic, or become of it, while a worker reads it."""

import random

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

from tests.kafka import admin
from tests.kafka.account import Place
from tests.kafka.harness import Bench, message
from tests.kafka.processes import eventually
from tests.kafka.scene import messages
from tests.kafka.test_broker_faults import DELIVERIES, conversation, observed
from tests.kafka.test_service import get, metric, ready

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_aborted_messages_are_not_answered_and_leave_no_lag(bench: Bench, delivery: str) -> None:
    await bench.create_topics(partitions=1)
    kept: list[Place] = []
    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, transactional_id=bench.group) as producer:
        for committed in (True, False, True, False):
            await producer.begin_transaction()
            sent = [await producer.send(bench.input, message("aa"), key=b"k") for _ in range(50)]
            places = [(0, (await future).offset) for future in sent]
            await (producer.commit_transaction() if committed else producer.abort_transaction())
            kept += places if committed else []
    worker, port = observed(bench, delivery)

    async def done() -> bool:
        return len(await bench.read(bench.output)) >= len(kept)

    await eventually(done, 60, worker.said)

    async def no_lag() -> bool:
        _, metrics = await get(port, "/metrics")
        return (
            'triage_lag_messages{partition="0"}' in metrics
            and metric(metrics, 'triage_lag_messages{partition="0"}') == 0
        )

    await eventually(no_lag, 30, worker.said)
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert sorted(account.answers) == kept
    assert account.doubled() == []
    assert account.out_of_order() == []


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_partitions_that_are_added_are_read_from_their_beginning(bench: Bench, delivery: str) -> None:
    await bench.create_topics(partitions=1)
    worker, port = observed(bench, delivery)
    await eventually(lambda: ready(port), 60, worker.said)
    await admin.grow(bench.bootstrap, bench.input, 4)
    sent = await bench.produce(messages(random.Random(7), 300))
    assert {partition for partition, _ in sent} == set(range(4))
    await bench.kept_their_word([worker], sent, delivery)


@pytest.mark.torture
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_messages_that_are_deleted_before_they_are_read(bench: Bench, delivery: str) -> None:
    """As a topic's retention does it to a group that is far behind: it goes on with what there is."""
    await bench.create_topics(partitions=1)
    first = await bench.produce(conversation(100))
    worker, _ = observed(bench, delivery)
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    second = await bench.produce(conversation(100))
    await admin.delete_before(bench.bootstrap, TopicPartition(bench.input, 0), 150)
    worker, _ = observed(bench, delivery)
    await bench.answered()
    assert await worker.terminate() == 0, worker.said()
    account = await bench.account()
    assert sorted(account.answers) == first + second[50:]
    assert account.doubled() == []


async def test_messages_behind_an_open_transaction_show_in_a_metric(bench: Bench) -> None:
    await bench.create_topics(partitions=1)
    worker, port = observed(bench, "at_least_once")

    async def unreadable() -> float:
        _, metrics = await get(port, "/metrics")
        name = 'triage_lag_unreadable_messages{partition="0"}'
        return metric(metrics, name) if name in metrics else -1

    async def shows_all() -> bool:
        return await unreadable() == 7  # the message of the open transaction, and six that are committed after it

    async def shows_none() -> bool:
        return await unreadable() == 0

    await eventually(shows_none, 30, worker.said)
    async with AIOKafkaProducer(bootstrap_servers=bench.bootstrap, transactional_id=bench.group) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(bench.input, message("open"), key=b"k")
        sent = await bench.produce([(b"k", message(f"aa {number}")) for number in range(6)])
        await eventually(shows_all, 30, worker.said)
        await producer.abort_transaction()

    async def all_answered() -> bool:
        return (await bench.account()).lost(sent) == []

    await eventually(all_answered, 30, worker.said)
    await eventually(shows_none, 30, worker.said)
