"""`triage forget` on the embedded broker: what it writes while a router runs, and while none does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker
from triage_worker.kafka import topics
from triage_worker.kafka.sending import send_record
from triage_worker.router import forget as module
from triage_worker.router.forget import changelog, find, forget
from triage_worker.router.topic_setup import create_internal_topics
from triage_worker.router.topics import FORGET, RouterTopics

CHAT = b"c:chat-1"


def state(ticket_id: str) -> bytes:
    return orjson.dumps({"ticket_id": ticket_id, "conversation_id": "chat-1", "customer_id": "c-1"})


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A broker with an open ticket of the customer c-1."""
    async with embedded_broker() as servers:
        made = Settings(bootstrap_servers=servers, idempotence=False, state_dir=tmp_path)
        await topics.create(made, partitions=1, replicas=None)
        await create_internal_topics(made, RouterTopics.from_settings(made))
        await write(made, made.tickets_topic, b"t-1", state("t-1"))
        await write(made, changelog(made), CHAT, state("t-1"))
        yield made


async def write(settings: Settings, topic: str, key: bytes, value: bytes | None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers) as producer:
        await (await send_record(producer, topic, key=key, value=value, headers=(), partition=0))


@asynccontextmanager
async def running_router(settings: Settings, *, answers: bool) -> AsyncIterator[None]:
    """A member of the router's group. It removes what it is asked to, and opens the conversation again at once."""
    keyed = RouterTopics.from_settings(settings).keyed
    consumer = AIOKafkaConsumer(
        keyed,
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group("router"),
        auto_offset_reset="earliest",
        fetch_max_wait_ms=10,
    )

    async def route() -> None:
        request = await consumer.getone()
        assert (request.key, request.value, request.headers) == (b"chat-1", None, ((FORGET, b"t-1"),))
        if answers:
            await write(settings, changelog(settings), CHAT, None)
            await write(settings, changelog(settings), CHAT, state("t-2"))

    async with consumer:
        routing = asyncio.create_task(route())
        yield
        async with asyncio.timeout(30):
            await routing


async def read(settings: Settings, topic: str) -> list[Any]:
    """Return the ids of the tickets on a topic, None for a tombstone."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest")
    found = []
    async with consumer:
        (partition,) = consumer.assignment()
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            record = await consumer.getone()
            found.append(None if record.value is None else orjson.loads(record.value)["ticket_id"])
    return found


async def test_a_conversation_that_is_opened_again_meanwhile_is_kept(settings: Settings) -> None:
    async with running_router(settings, answers=True):
        assert await forget(settings, await find(settings, "c-1")) == 0
    assert await read(settings, changelog(settings)) == ["t-1", None, "t-2"], "no tombstone behind the router's record"
    assert await read(settings, settings.tickets_topic) == ["t-1", None]


async def test_a_router_that_does_not_answer_in_time_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUTER_ANSWERS_WITHIN_S", 0.1)
    async with running_router(settings, answers=False):
        assert await forget(settings, await find(settings, "c-1")) == 1
    assert await read(settings, changelog(settings)) == ["t-1"], "the next attempt finds it"


async def test_while_no_router_runs_the_command_writes_the_tombstones_itself(settings: Settings) -> None:
    found = await find(settings, "c-1")
    assert await forget(settings, found) == 0
    assert await read(settings, changelog(settings)) == ["t-1", None]
    assert await read(settings, settings.tickets_topic) == ["t-1", None]
    async with running_router(settings, answers=False):
        pass  # one that starts later gets the request, too, for what it has on its disk
    assert (await find(settings, "c-1")).compacted[0].records.keys == {}
