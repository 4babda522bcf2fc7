"""The first step: a write ends when Kafka has all records, is repeated after an error, and ends in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, OutOfOrderSequenceNumber
from triage_worker.intake import writer as module
from triage_worker.intake.records import IntakeRecord
from triage_worker.intake.writer import NotWrittenError, RecordWriter, TooLargeError

RECORD = IntakeRecord(b"key", b"value", [("intake-key", b"k")])


class FakeProducer:
    """Acknowledges records by a function."""

    def __init__(self, answer: "Callable[[asyncio.Future[None]], None]", start_error: KafkaError | None = None) -> None:
        self._answer = answer
        self._start_error = start_error
        self.sent: list[Any] = []
        self.abandoned = False

    async def start(self) -> None:
        if self._start_error is not None:
            raise self._start_error

    async def send(self, topic: str, **record: Any) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((topic, record["key"], record["value"]))
        self._answer(future)
        return future


def acknowledged(future: "asyncio.Future[None]") -> None:
    future.set_result(None)


def failed(error: KafkaError) -> "Callable[[asyncio.Future[None]], None]":
    return lambda future: future.set_exception(error)


@asynccontextmanager
async def writing(
    monkeypatch: pytest.MonkeyPatch, *producers: FakeProducer, timeout_s: float = 5.0
) -> AsyncIterator[RecordWriter]:
    async def abandon(producer: FakeProducer, _: float) -> None:
        producer.abandoned = True

    monkeypatch.setattr(module, "abandon", abandon)
    left = iter(producers)
    made = RecordWriter(lambda: next(left), "intake.received", timeout_s)  # type: ignore[arg-type, return-value]
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


async def test_a_write_ends_when_kafka_has_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[asyncio.Future[None]] = []
    producer = FakeProducer(waiting.append)
    async with writing(monkeypatch, producer) as writer:
        write = asyncio.create_task(writer.write([RECORD, RECORD]))
        await asyncio.sleep(0.01)
        waiting[0].set_result(None)
        await asyncio.sleep(0.01)
        assert not write.done()
        waiting[1].set_result(None)
        await write
        assert producer.sent == [("intake.received", b"key", b"value")] * 2
        assert writer.problem is None


async def test_after_an_error_another_producer_writes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, other = FakeProducer(failed(OutOfOrderSequenceNumber())), FakeProducer(acknowledged)
    async with writing(monkeypatch, broken, other) as writer:
        await asyncio.gather(*(writer.write([RECORD]) for _ in range(3)))
        assert broken.abandoned
        assert not other.abandoned
        assert len(other.sent) == 3


async def test_a_broker_that_is_away_at_the_start_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    away, back = FakeProducer(acknowledged, KafkaError("away")), FakeProducer(acknowledged)
    async with writing(monkeypatch, away, back) as writer:
        assert writer.problem is not None
        await writer.write([RECORD])
        assert writer.problem is None


async def test_a_write_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with writing(monkeypatch, FakeProducer(lambda _: None), timeout_s=0.05) as writer:
        with pytest.raises(NotWrittenError):
            await writer.write([RECORD])
        assert writer.problem is not None
        monkeypatch.setattr(module, "NOT_READY_S", 0.0)
        assert writer.problem is None, "otherwise nobody would send any more, and nobody would learn that it works"


async def test_a_record_that_is_too_large_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = FakeProducer(failed(MessageSizeTooLargeError()))
    async with writing(monkeypatch, producer) as writer:
        with pytest.raises(TooLargeError):
            await writer.write([RECORD])
        assert not producer.abandoned
