"""The publisher of acts, with stand-ins for producers: what fails, and what others send meanwhile."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from triage_worker.config.settings import Settings
from triage_worker.console.shared import acts
from triage_worker.console.shared.acts import NotPublishedError, Publisher
from triage_worker.kafka.records import OutgoingRecord


class Producer:
    """Starts, and is given up."""

    given_up = False

    async def start(self) -> None:
        """Start at once."""


async def test_a_late_failure_leaves_the_next_producer_to_those_who_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Producer] = []
    waiting: list[tuple[Producer, asyncio.Future[None]]] = []
    begun = asyncio.Event()

    def make(_: Settings) -> Producer:
        made.append(Producer())
        return made[-1]

    async def send(producer: Producer, *_: Any, **__: Any) -> asyncio.Future[None]:
        waiting.append((producer, asyncio.get_running_loop().create_future()))
        begun.set()
        return waiting[-1][1]

    async def give_up(producer: Producer, _: float) -> None:
        producer.given_up = True

    monkeypatch.setattr(acts, "producer", make)
    monkeypatch.setattr(acts, "send_record", send)
    monkeypatch.setattr(acts, "halt", lambda _: None)
    monkeypatch.setattr(acts, "abandon", give_up)
    publisher = Publisher(Settings())

    async def begin() -> asyncio.Task[None]:
        begun.clear()
        task = asyncio.create_task(publisher.send([OutgoingRecord("t", b"k", b"v", [])]))
        await begun.wait()
        return task

    first, second = await begin(), await begin()
    waiting[0][1].set_exception(KafkaError())
    with pytest.raises(NotPublishedError):
        await first
    third = await begin()
    waiting[1][1].set_exception(KafkaError())
    with pytest.raises(NotPublishedError):
        await second
    waiting[2][1].set_result(None)
    await third
    assert [one.given_up for one in made] == [True, False]
    assert [made.index(producer) for producer, _ in waiting] == [0, 0, 1]
