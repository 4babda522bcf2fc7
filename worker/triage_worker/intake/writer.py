"""The first step: writes records, and says when Kafka has them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from triage_worker.intake.records import IntakeRecord
from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.sending import send_record
from triage_worker.resilience.backoff import FixedDelays

log = logging.getLogger(__name__)

RETRY = FixedDelays((0.1, 0.5, 1.0, 2.0))
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
CLOSE_S = 0.5

NOT_READY_S = 10.0
"""For so long after a record was not written, the service says that it cannot take any."""


class NotWrittenError(Exception):
    """Kafka has not confirmed a record in time; it may have it all the same."""


class TooLargeError(Exception):
    """The broker does not take a record of this size."""


class RecordWriter:
    """Writes records by an idempotent producer, and replaces it after an error.

    A record that is written again after an error may be twice in the topic: the second step sends its key on once.

    Args:
        producer: makes a producer; it is not started.
        topic: where records go.
        timeout_s: longest time to write.
        wrote: is told the seconds that a write took.
    """

    def __init__(
        self,
        producer: Callable[[], AIOKafkaProducer],
        topic: str,
        timeout_s: float,
        wrote: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._make = producer
        self._topic = topic
        self._timeout_s = timeout_s
        self._wrote = wrote
        self._producer: AIOKafkaProducer | None = None
        self._started = asyncio.Event()
        self._failed = asyncio.Event()
        self._problem: str | None = "the producer has not started yet"
        self._not_written_at = -NOT_READY_S

    @property
    def problem(self) -> str | None:
        """Why records cannot be written at present; None if they can.

        A record that was not written counts for a while: if nobody sends any more, nobody learns that Kafka is back.
        """
        if self._problem is None and monotonic() - self._not_written_at < NOT_READY_S:
            return "Kafka did not take a message in time"
        return self._problem

    async def run(self) -> None:
        """Keep a producer running until cancelled."""
        failures = 0
        while True:
            producer = self._make()
            started = monotonic()
            try:
                await producer.start()
                self._producer, self._problem = producer, None
                self._failed.clear()
                self._started.set()
                await self._failed.wait()
            except KafkaError as error:
                self._problem = describe_error(error, "Write")
            finally:
                self._started.clear()
                self._producer = None
                await abandon(producer, CLOSE_S)
            failures = 1 if monotonic() - started > RETRY.longest_s else failures + 1
            log.warning("Writing failed; another producer is started", extra={"error": self._problem})
            await asyncio.sleep(RETRY.delay_s(failures))

    async def write(self, records: Sequence[IntakeRecord]) -> None:
        """Write records; returns when Kafka has all of them.

        Raises:
            NotWrittenError: it did not confirm all of them in time.
            TooLargeError: it does not take one of them.
        """
        begun = monotonic()
        while True:
            producer: AIOKafkaProducer | None = None
            try:
                async with asyncio.timeout(max(0.0, begun + self._timeout_s - monotonic())):
                    await self._started.wait()
                    producer = self._producer
                    assert producer is not None
                    await self._send(producer, records)
            except TimeoutError:
                self._not_written_at = monotonic()
                raise NotWrittenError(self._problem or "Kafka did not answer in time") from None
            except REFUSALS:
                raise TooLargeError from None
            except KafkaError as error:
                self._fail(producer, error)
            else:
                self._not_written_at = -NOT_READY_S
                self._wrote(monotonic() - begun)
                return

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[IntakeRecord]) -> None:
        futures: list[asyncio.Future[Any]] = []
        for key, value, headers in records:
            future = await send_record(producer, self._topic, key=key, value=value, headers=headers)
            # One that fails after another one has, or too late, is nobody's any more.
            future.add_done_callback(_retrieve)
            futures.append(future)
        await asyncio.gather(*map(asyncio.shield, futures))

    def _fail(self, producer: AIOKafkaProducer | None, error: KafkaError) -> None:
        """Let another producer be started, unless there is one already."""
        if producer is self._producer and self._started.is_set():
            self._problem = describe_error(error, "Write")
            self._started.clear()
            self._failed.set()


def _retrieve(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
