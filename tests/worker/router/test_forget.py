"""`triage forget` on the embedded broker: what it writes while a router runs, and while none does."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker
from triage_worker.helpdesk.ownership import TicketRecord
from triage_worker.helpdesk.state_topic import StateTopic
from triage_worker.kafka import topics
from triage_worker.kafka.sending import send_record
from triage_worker.router import forget as module
from triage_worker.router.forget import changelog, find, forget, topics_of
from triage_worker.router.topic_setup import create_internal_topics
from triage_worker.router.topics import FORGET, RouterTopics

CHAT = b"c:chat-1"
READING: dict[str, Any] = {"auto_offset_reset": "earliest", "fetch_max_wait_ms": 10}


def state(ticket_id: str) -> bytes:
    return orjson.dumps({"ticket_id": ticket_id, "conversation_id": "chat-1", "customer_id": "c-1"})


@pytest.fixture
async def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """A broker with an open ticket of the customer c-1. No router runs, and no topic keeps all records for ever."""
    use_configs(monkeypatch, {})
    use_members(monkeypatch, False)
    async with embedded_broker() as servers:
        made = Settings(bootstrap_servers=servers, idempotence=False, state_dir=tmp_path)
        await topics.create(made, partitions=1, replicas=None)
        await create_internal_topics(made, RouterTopics.from_settings(made))
        await write(made, made.tickets_topic, b"t-1", state("t-1"))
        await write(made, changelog(made), CHAT, state("t-1"))
        yield made


def use_configs(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, dict[str, str] | None]) -> None:
    """Let the broker have these configurations of topics, and a retention for all others."""

    async def topic_configs(_: AIOKafkaAdminClient, found: Collection[str]) -> dict[str, dict[str, str] | None]:
        return {topic: given.get(topic, {"retention.ms": "1000"}) for topic in found}

    monkeypatch.setattr(module, "topic_configs", topic_configs)


def use_members(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    """Let the router's group have members, or none. Joining the embedded broker's groups takes seconds."""

    async def has_members(_: AIOKafkaAdminClient, group: str) -> bool:
        assert group == "triage-router"
        return present

    monkeypatch.setattr(module, "has_members", has_members)


async def write(settings: Settings, topic: str, key: bytes, value: bytes | None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers) as producer:
        await (await send_record(producer, topic, key=key, value=value, headers=(), partition=0))


async def route_requests(settings: Settings) -> None:
    """Do what a router does: remove the conversation that it is asked to. It is opened again at once."""
    keyed = RouterTopics.from_settings(settings).keyed
    async with AIOKafkaConsumer(keyed, **READING, bootstrap_servers=settings.bootstrap_servers) as consumer:
        request = await consumer.getone()
    assert (request.key, request.value, request.headers) == (b"chat-1", None, ((FORGET, b"t-1"),))
    await write(settings, changelog(settings), CHAT, None)
    await write(settings, changelog(settings), CHAT, state("t-2"))


async def read(settings: Settings, topic: str) -> list[Any]:
    """Return the ids of the tickets on a topic, None for a tombstone."""
    consumer = AIOKafkaConsumer(topic, **READING, bootstrap_servers=settings.bootstrap_servers)
    found = []
    async with consumer:
        (partition,) = consumer.assignment()
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            record = await consumer.getone()
            found.append(None if record.value is None else orjson.loads(record.value)["ticket_id"])
    return found


async def test_a_conversation_that_is_opened_again_meanwhile_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_members(monkeypatch, True)
    routing = asyncio.create_task(route_requests(settings))
    async with asyncio.timeout(30):
        assert await forget(settings, await find(settings, "c-1")) == 0
        await routing
    assert await read(settings, changelog(settings)) == ["t-1", None, "t-2"], "no tombstone behind the router's record"
    assert await read(settings, settings.tickets_topic) == ["t-1", None]


async def test_a_router_that_does_not_answer_in_time_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUTER_ANSWERS_WITHIN_S", 0.01)
    use_members(monkeypatch, True)
    assert await forget(settings, await find(settings, "c-1")) == 1
    assert await read(settings, changelog(settings)) == ["t-1"], "the next attempt finds it"


async def test_while_no_router_runs_the_command_writes_the_tombstones_itself(settings: Settings) -> None:
    assert await forget(settings, await find(settings, "c-1")) == 0
    assert await read(settings, changelog(settings)) == ["t-1", None]
    assert await read(settings, settings.tickets_topic) == ["t-1", None]
    async with asyncio.timeout(30):
        await route_requests(settings)  # a router that starts later is asked, too, for what it has on its disk


async def test_every_topic_of_messages_that_keeps_records_for_ever_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] | None = {"cleanup.policy": "delete", "retention.ms": "-1"}
    keyed = RouterTopics.from_settings(settings).keyed
    configs = dict.fromkeys((settings.input_topic, settings.dead_letter_topic, settings.labels_topic), kept)
    use_configs(monkeypatch, configs | {keyed: {"cleanup.policy": "compact"}, settings.alerts_topic: kept})
    await write(settings, settings.labels_topic, b"k", state("t-1"))
    assert (await find(settings, "c-1")).kept == {
        settings.input_topic: None,
        settings.dead_letter_topic: None,
        settings.labels_topic: 1,
        keyed: 0,
    }


def test_all_input_topics_may_have_records_of_a_customer() -> None:
    assert topics_of(Settings(input_topic="a,b"))[:3] == ["a", "b", "customer.intents"]
    found = topics_of(Settings(input_topic="^shop.*"), {"shop.b", "shop.a", "other"})
    assert found[:3] == ["shop.a", "shop.b", "customer.intents"]


async def test_what_the_helpdesk_connector_remembers_is_forgotten(settings: Settings) -> None:
    assert (await find(settings, "c-1")).helpdesk is None
    remembering = StateTopic(settings)
    await topics.create_internal(settings, remembering.topic, partitions=1, configs={})
    for number, customer in ((1, "c-1"), (2, "c-2")):
        about = {"conversation_id": f"chat-{number}", "customer_id": customer}
        await write(settings, remembering.topic, f"ticket:zendesk:{number}".encode(), TicketRecord(about=about).dump())
    await write(settings, remembering.topic, b"place:zendesk", b'"2026-01-05"')
    found = await find(settings, "c-1")
    assert found.helpdesk is not None
    assert [place.key for place in found.helpdesk.records.keys] == [b"ticket:zendesk:1"]
    await forget(settings, found)
    async with remembering.opened():
        assert [key for key, _ in remembering.items("")] == ["ticket:zendesk:2", "place:zendesk"]
