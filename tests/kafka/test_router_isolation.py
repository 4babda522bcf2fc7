"""The router and transactions: it reads what was committed, and restores tables whose changelogs end with a marker."""

import asyncio
import uuid
from collections.abc import Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.processes import eventually
from tests.kafka.router_harness import RouterHarness, intent_record

pytestmark = pytest.mark.kafka

PARTITIONS = 3


@pytest.fixture
async def router_harness(harness: KafkaHarness, tmp_path: Path) -> RouterHarness:
    name = uuid.uuid4().hex[:8]
    created = RouterHarness(harness, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await harness.create_topics(PARTITIONS)
    await admin.create_topics(harness.bootstrap, [created.tickets, created.alerts], PARTITIONS)
    return created


async def test_an_intent_of_an_aborted_transaction_opens_no_ticket(router_harness: RouterHarness) -> None:
    """A worker that is fenced, or that stops in the middle of a transaction, has written intents that never were."""
    router = await router_harness.join(session_timeout_ms="100000")  # longer than Faust's time-out of requests
    harness, aborted, committed = router_harness.kafka, intents("aborted"), intents("committed")
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        await producer.begin_transaction()
        await send(producer, harness.output, aborted)
        await asyncio.sleep(1.0)  # a router that did not wait for the end of the transaction would have read them
        await producer.abort_transaction()
        async with producer.transaction():
            await send(producer, harness.output, committed)
    wanted = {key.decode() for key, _, _ in committed if key is not None}

    async def routed() -> bool:
        return wanted <= (await router_harness.latest_tickets()).keys()

    await eventually(routed, 30, router.log_text)
    await router_harness.wait_until_routed()  # also what is behind the last intent: the marker of its transaction
    assert await router.terminate() == 0, router.log_text()
    await router_harness.verify_tickets(sorted(wanted))


async def test_tables_are_restored_though_their_changelogs_end_with_a_marker(router_harness: RouterHarness) -> None:
    """Faust alone waits for ever for a record at the end of the changelog."""
    harness = router_harness.kafka
    first = await router_harness.join()
    await router_harness.send(intents("chat"))
    await router_harness.wait_until_routed()
    assert await first.terminate() == 0, first.log_text()
    changelog = f"{harness.group}-conversations-changelog"
    async with AIOKafkaProducer(bootstrap_servers=harness.bootstrap, transactional_id=harness.group) as producer:
        for _ in range(2):
            await producer.begin_transaction()
            for partition in range(PARTITIONS):
                await producer.send_and_wait(changelog, value=None, key=b"c:gone", partition=partition)
            await producer.abort_transaction()
    router_harness.state = router_harness.state.with_name("another")
    second = await router_harness.join()
    await router_harness.send(intents("chat", begin=20))
    await router_harness.wait_until_routed()
    assert await second.terminate() == 0, second.log_text()
    latest = await router_harness.latest_tickets()
    assert {name: [ticket["messages"] for ticket in tickets] for name, tickets in latest.items()} == {
        f"chat-{number}": [2] for number in range(20)
    }


def intents(name: str, begin: int = 0) -> list[Record]:
    """One intent for each of 20 conversations."""
    return [intent_record(begin + number, f"{name}-{number}", "WISMO") for number in range(20)]


async def send(producer: AIOKafkaProducer, topic: str, records: Iterable[Record]) -> None:
    for key, value, headers in records:
        await producer.send_and_wait(topic, value=value, key=key, headers=list(headers))
