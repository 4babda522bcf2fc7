"""The router as a process on a real Kafka: killed, stopped, restored, and with repeated and unreadable records."""

import random
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness, Record
from tests.kafka.processes import eventually
from tests.kafka.router_harness import RouterHarness, intent_record
from tests.records import json_of
from tests.worker.router.intents import MONDAY

pytestmark = pytest.mark.kafka

INTENTS = ("WISMO", "RETURN_REQUEST", "DAMAGED_ITEM", "OTHER", "CANCEL_ORDER")


@pytest.fixture
async def router_harness(harness: KafkaHarness, tmp_path: Path) -> RouterHarness:
    name = uuid.uuid4().hex[:8]
    created = RouterHarness(harness, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [created.tickets])
    await admin.create_topics(harness.bootstrap, [created.alerts], partitions=1)
    return created


async def test_two_kills_leave_one_ticket_for_each_conversation_with_the_right_count(
    router_harness: RouterHarness,
) -> None:
    rng = random.Random(7)
    names = [f"chat-{number}" for number in range(400)]
    conversations = [*names, *rng.choices(names, k=1_600)]
    sent = [
        intent_record(number, conversation, rng.choice(INTENTS)) for number, conversation in enumerate(conversations)
    ]
    repeats = rng.sample(sent, 200)

    first = await router_harness.join()
    await router_harness.send(sent[:700])
    await router_harness.kafka.wait_for_first_commit(topic=router_harness.kafka.output)
    await router_harness.send(sent[700:1_000])
    first.kill()
    await router_harness.send([*sent[1_000:1_500], *repeats[:100]])
    second = await router_harness.join()
    await router_harness.send(sent[1_500:])
    second.kill()
    await router_harness.send(repeats[100:])
    third = await router_harness.join()
    await router_harness.wait_until_routed()
    assert await third.terminate() == 0, third.log_text()

    await router_harness.verify_tickets(conversations)


async def test_routers_that_join_leave_and_are_killed_share_the_work(router_harness: RouterHarness) -> None:
    """Each router has its own folder, so a partition's new owner restores its tables from the changelog."""
    rng = random.Random(11)
    names = [f"chat-{number}" for number in range(100)]
    conversations = [*names, *rng.choices(names, k=900)]
    sent = [
        intent_record(number, conversation, rng.choice(INTENTS)) for number, conversation in enumerate(conversations)
    ]

    def state(number: int) -> str:
        return str(router_harness.state / str(number))

    first = await router_harness.join(state_dir=state(1))
    await router_harness.send(sent[:300])
    second = router_harness.start(state_dir=state(2))
    await second.wait_for_log("Partitions assigned partitions=1", 60)
    await first.wait_for_log("Partitions assigned partitions=2", 60)
    await router_harness.send([*sent[300:600], *rng.sample(sent[:300], 50)])
    await router_harness.wait_until_routed()
    await router_harness.send(sent[600:700])
    second.kill()
    await router_harness.send([*sent[700:800], *rng.sample(sent[:600], 50)])
    third = router_harness.start(state_dir=state(3))
    await third.wait_for_log("Partitions assigned partitions=", 60)
    await router_harness.send(sent[800:900])
    assert await first.terminate() == 0, first.log_text()
    await third.wait_for_log("Partitions assigned partitions=3", 60)
    await router_harness.send(sent[900:])
    await router_harness.wait_until_routed()
    assert await third.terminate() == 0, third.log_text()
    await router_harness.verify_tickets(conversations)


async def test_explain_finds_a_message_on_the_topic(router_harness: RouterHarness) -> None:
    unreadable: list[Record] = [(b"k", b"not json, but m-3", []), (b"k", b'["m-3"]', [])]
    sent = [intent_record(number, f"chat-{number}", INTENTS[number % 5]) for number in range(30)]
    await router_harness.send([*unreadable, *sent])
    found = router_harness.start("--explain m-3")
    assert await found.exit_code() == 0, found.log_text()
    assert found.log_text().startswith("OTHER, confidence 0.97, at Mon 05 Jan 2026 09:00 UTC")
    assert "FIRES everything else: intent is OTHER" in found.log_text()
    assert "queue general, priority low" in found.log_text()
    missing = router_harness.start("--explain m-30")
    assert await missing.exit_code() == 2, missing.log_text()
    assert missing.log_text().startswith(f"triage: There is no message m-30 on {router_harness.kafka.output}: ")
    assert missing.log_text().count("\n") == 1


async def test_a_lost_disk_is_restored_and_messages_without_keys_are_grouped(router_harness: RouterHarness) -> None:
    records = [intent_record(number, f"chat-{number % 5}", "WISMO", keyed=False) for number in range(100)]
    router = await router_harness.join()
    await router_harness.send(records[:60])
    await router_harness.wait_until_routed()
    router.kill()
    router_harness.state = router_harness.state.with_name("another")
    router = await router_harness.join()
    await router_harness.send(records[60:])
    await router_harness.wait_until_routed()

    async def all_counted() -> bool:
        latest = await router_harness.latest_tickets()
        return [ticket["messages"] for tickets in latest.values() for ticket in tickets] == [20] * 5

    await eventually(all_counted, 60, router.log_text)
    assert await router.terminate() == 0, router.log_text()


async def test_a_surge_raises_one_alert(router_harness: RouterHarness) -> None:
    """An intent has two messages an hour for five hours, then sixty in ten minutes; another one does not change."""
    router = await router_harness.join()
    usual = [MONDAY + timedelta(minutes=30 * half) for half in range(10)]
    surge = [MONDAY + timedelta(hours=5, seconds=10 * number) for number in range(60)]
    times = [(at, name) for at in usual for name in ("DAMAGED_ITEM", "WISMO")] + [(at, "DAMAGED_ITEM") for at in surge]
    for number, (at, name) in enumerate(times):
        await router_harness.send([intent_record(number, f"chat-{number}", name, at=at)])
    await router_harness.wait_until_routed()

    async def alerted() -> bool:
        return bool(await router_harness.kafka.read(router_harness.alerts))

    await eventually(alerted, 60, router.log_text)
    assert await router.terminate() == 0, router.log_text()
    (alert,) = await router_harness.kafka.read(router_harness.alerts)
    event = json_of(alert)
    assert (event["event"], event["intent"], alert.key) == ("started", "DAMAGED_ITEM", b"DAMAGED_ITEM")
    assert len(event["examples"]) == 5


async def test_unreadable_records_become_dead_letters_unchanged_and_the_others_are_routed(
    router_harness: RouterHarness,
) -> None:
    intents = [intent_record(number, f"chat-{number % 3}", "WISMO") for number in range(9)]
    unreadable: list[Record] = [
        (b"k", b"", []),
        (b"k", b"not json", [("odd", b"\xff"), ("odd", b"2")]),
        (b"k", b'{"intent": 5}', []),
        (None, b"\xff\xfe", []),
    ]
    router = router_harness.start()
    await router_harness.send([*intents[:4], *unreadable, *intents[4:]])
    await router.wait_for_log("Partitions assigned", 60)
    await router_harness.wait_until_routed()
    assert await router.terminate() == 0, router.log_text()
    latest = await router_harness.latest_tickets()
    assert [tickets[0]["messages"] for tickets in latest.values()] == [3, 3, 3]
    dead_letters = await router_harness.kafka.read(router_harness.kafka.dead_letters)
    assert sorted((found.key, found.value) for found in dead_letters if found.key) == sorted(
        (key, value) for key, value, _ in unreadable if key
    )
    assert len(dead_letters) == len(unreadable)
    odd = next(found for found in dead_letters if found.value == b"not json")
    assert list(odd.headers[:2]) == [("odd", b"\xff"), ("odd", b"2")]
