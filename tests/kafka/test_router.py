"""The router as a process on a real Kafka: killed, stopped and fed with repeats and rubbish."""

import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from triage_schemas.cloudevents import event_headers
from triage_schemas.events import IntentEvent

from tests.kafka.harness import Bench
from tests.kafka.processes import Worker, eventually
from tests.records import json_of
from tests.worker.router.intents import MONDAY, intent_event

pytestmark = pytest.mark.kafka

INTENTS = ("WISMO", "RETURN_REQUEST", "DAMAGED_ITEM", "OTHER", "CANCEL_ORDER")
Sent = tuple[bytes | None, bytes, list[tuple[str, bytes]]]


@dataclass
class Shop:
    """The topics of one test, and routers on them."""

    bench: Bench
    tickets: str
    alerts: str
    state: Path

    def router(self, arguments: str = "", **variables: str) -> Worker:
        given = {"state_dir": str(self.state)} | variables
        return self.bench.worker(
            module=f"triage_worker router {arguments}",
            output_topic=self.bench.output,
            tickets_topic=self.tickets,
            alerts_topic=self.alerts,
            **given,
        )

    async def send(self, records: Iterable[Sent]) -> None:
        await self.bench.send(self.bench.output, records)

    async def routed(self) -> None:
        """Wait until the group has committed all intents."""
        await self.bench.answered(90, topic=self.bench.output)

    async def newest(self) -> dict[str, list[dict[str, object]]]:
        """The newest event of each ticket, by conversation."""
        tickets = {record.key: json_of(record) for record in await self.bench.read(self.tickets)}
        by_conversation = defaultdict(list)
        for ticket in tickets.values():
            by_conversation[ticket["conversation_id"]].append(ticket)
        return by_conversation

    async def verify(self, of: Sequence[str]) -> None:
        """One ticket a conversation, with as many messages as it had; ``of`` has each message's conversation."""
        newest = await self.newest()
        assert newest.keys() == set(of)
        assert all(len(tickets) == 1 for tickets in newest.values())
        assert {conversation: tickets[0]["messages"] for conversation, tickets in newest.items()} == Counter(of)
        ids = defaultdict(set)
        for record in await self.bench.read(self.tickets):
            ids[dict(record.headers)["ce_id"]].add(record.value)
        assert all(len(values) == 1 for values in ids.values()), "an id stands for one event"
        assert len(ids) == len(of), "every message changed its ticket once"


@pytest.fixture
async def shop(bench: Bench, tmp_path: Path) -> Shop:
    name = uuid.uuid4().hex[:8]
    made = Shop(bench, f"tickets-{name}", f"alerts-{name}", tmp_path / "state")
    await bench.create_topics()
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(made.tickets, 3, 1), NewTopic(made.alerts, 1, 1)])
    finally:
        await admin.close()
    return made


def intent(number: int, conversation: str, name: str, *, keyed: bool = True, at: datetime | None = None) -> Sent:
    event = intent_event(number, conversation_id=conversation, intent=name, at=at)
    identity = f"{IntentEvent.TYPE}:in:0:{number}"
    headers = event_headers(IntentEvent.TYPE, identity, "2026-01-05T09:00:00.000Z", event.message_id, [])
    return conversation.encode() if keyed else None, event.write(), headers


async def test_two_kills_make_one_ticket_a_conversation_with_right_counts(shop: Shop) -> None:
    rng = random.Random(7)
    conversations = [f"chat-{number}" for number in range(400)]
    of = [*conversations, *rng.choices(conversations, k=1_600)]
    sent = [intent(number, conversation, rng.choice(INTENTS)) for number, conversation in enumerate(of)]
    repeats = rng.sample(sent, 200)

    first = shop.router()
    await first.has_said("Partitions assigned", 60)
    await shop.send(sent[:700])
    await shop.bench.committed_something(topic=shop.bench.output)
    await shop.send(sent[700:1_000])
    first.kill()
    await shop.send([*sent[1_000:1_500], *repeats[:100]])
    second = shop.router()
    await second.has_said("Partitions assigned", 60)
    await shop.send(sent[1_500:])
    second.kill()
    await shop.send(repeats[100:])
    third = shop.router()
    await third.has_said("Partitions assigned", 60)
    await shop.routed()
    assert await third.terminate() == 0, third.said()

    await shop.verify(of)


async def test_routers_that_join_leave_and_die_share_the_work(shop: Shop) -> None:
    """Each on its own disk: whoever is given a partition has its tables from the changelog."""
    rng = random.Random(11)
    conversations = [f"chat-{number}" for number in range(100)]
    of = [*conversations, *rng.choices(conversations, k=900)]
    sent = [intent(number, conversation, rng.choice(INTENTS)) for number, conversation in enumerate(of)]

    def router(number: int) -> Worker:
        return shop.router(state_dir=str(shop.state / str(number)))

    first = router(1)
    await first.has_said("Partitions assigned", 60)
    await shop.send(sent[:300])
    second = router(2)
    await second.has_said("Partitions assigned partitions=1", 60)
    await first.has_said("Partitions assigned partitions=2", 60)
    await shop.send([*sent[300:600], *rng.sample(sent[:300], 50)])
    await shop.routed()
    await shop.send(sent[600:700])
    second.kill()
    await shop.send([*sent[700:800], *rng.sample(sent[:600], 50)])
    third = router(3)
    await third.has_said("Partitions assigned partitions=", 60)
    await shop.send(sent[800:900])
    assert await first.terminate() == 0, first.said()
    await third.has_said("Partitions assigned partitions=3", 60)
    await shop.send(sent[900:])
    await shop.routed()
    assert await third.terminate() == 0, third.said()
    await shop.verify(of)


async def test_explain_finds_a_message_on_the_topic(shop: Shop) -> None:
    rubbish: list[Sent] = [(b"k", b"not json, but m-3", []), (b"k", b'["m-3"]', [])]
    sent = [intent(number, f"chat-{number}", INTENTS[number % 5]) for number in range(30)]
    await shop.send([*rubbish, *sent])
    found = shop.router("--explain m-3")
    assert await found.exit_code() == 0, found.said()
    assert found.said().startswith("OTHER, confidence 0.97, at Mon 05 Jan 2026 09:00 UTC")
    assert "FIRES everything else: intent is OTHER" in found.said()
    assert "queue general, priority low" in found.said()
    missing = shop.router("--explain m-30")
    assert await missing.exit_code() == 2, missing.said()
    assert missing.said().startswith(f"triage: There is no message m-30 on {shop.bench.output}: ")
    assert missing.said().count("\n") == 1


async def test_a_lost_disk_is_rebuilt_and_messages_without_keys_meet(shop: Shop) -> None:
    records = [intent(number, f"chat-{number % 5}", "WISMO", keyed=False) for number in range(100)]
    router = shop.router()
    await router.has_said("Partitions assigned", 60)
    await shop.send(records[:60])
    await shop.routed()
    router.kill()
    shop.state = shop.state.with_name("another")
    router = shop.router()
    await router.has_said("Partitions assigned", 60)
    await shop.send(records[60:])
    await shop.routed()

    async def counted() -> bool:
        return [ticket["messages"] for tickets in (await shop.newest()).values() for ticket in tickets] == [20] * 5

    await eventually(counted, 60, router.said)
    assert await router.terminate() == 0, router.said()


async def test_a_surge_is_one_alert(shop: Shop) -> None:
    """Five hours of two an hour on three partitions, then sixty within ten minutes; another intent stays as it was."""
    router = shop.router()
    await router.has_said("Partitions assigned", 60)
    usual = [MONDAY + timedelta(minutes=30 * half) for half in range(10)]
    surge = [MONDAY + timedelta(hours=5, seconds=10 * number) for number in range(60)]
    times = [(at, name) for at in usual for name in ("DAMAGED_ITEM", "WISMO")] + [(at, "DAMAGED_ITEM") for at in surge]
    for number, (at, name) in enumerate(times):
        await shop.send([intent(number, f"chat-{number}", name, at=at)])
    await shop.routed()

    async def told() -> bool:
        return bool(await shop.bench.read(shop.alerts))

    await eventually(told, 60, router.said)
    assert await router.terminate() == 0, router.said()
    (alert,) = await shop.bench.read(shop.alerts)
    event = json_of(alert)
    assert (event["event"], event["intent"], alert.key) == ("started", "DAMAGED_ITEM", b"DAMAGED_ITEM")
    assert len(event["examples"]) == 5


async def test_rubbish_is_put_aside_untouched_and_the_rest_goes_on(shop: Shop) -> None:
    good = [intent(number, f"chat-{number % 3}", "WISMO") for number in range(9)]
    rubbish: list[Sent] = [
        (b"k", b"", []),
        (b"k", b"not json", [("odd", b"\xff"), ("odd", b"2")]),
        (b"k", b'{"intent": 5}', []),
        (None, b"\xff\xfe", []),
    ]
    router = shop.router()
    await shop.send([*good[:4], *rubbish, *good[4:]])
    await router.has_said("Partitions assigned", 60)
    await shop.routed()
    assert await router.terminate() == 0, router.said()
    newest = await shop.newest()
    assert [tickets[0]["messages"] for tickets in newest.values()] == [3, 3, 3]
    letters = await shop.bench.read(shop.bench.dead_letters)
    assert sorted((letter.key, letter.value) for letter in letters if letter.key) == sorted(
        (key, value) for key, value, _ in rubbish if key
    )
    assert len(letters) == len(rubbish)
    odd = next(letter for letter in letters if letter.value == b"not json")
    assert list(odd.headers[:2]) == [("odd", b"\xff"), ("odd", b"2")]
