"""Publishes what people do: their answers, and an act for the record."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from triage_schemas.act_event import ActEvent
from triage_schemas.cloudevents import timestamp
from triage_schemas.messages.message import Scalar
from triage_schemas.records import to_record

from triage_worker.config.settings import Settings
from triage_worker.console.signing_in.roles import Person
from triage_worker.kafka.client_compat.producer import abandon, halt
from triage_worker.kafka.clients import producer
from triage_worker.kafka.records import OutgoingRecord
from triage_worker.kafka.sending import send_record

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
NOTE_TIMEOUT_S = 2.0
CLOSE_S = 1.0
"""How long requests that are on their way may take when a producer is given up."""


class NotPublishedError(Exception):
    """The broker did not take a record in time."""


class Publisher:
    """A producer that is started when it is first needed, and again after an error."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Send records, and wait until the broker has all of them.

        Raises:
            NotPublishedError: it has not, or nobody knows.
        """
        sender = None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                sender = await self._started()
                sent = [
                    await send_record(sender, one.topic, key=one.key, value=one.value, headers=one.headers)
                    for one in records
                ]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            log.warning("An act was not published", extra={"error": f"{type(error).__name__}: {error}"})
            await self._give_up(sender)
            raise NotPublishedError from error

    async def close(self) -> None:
        """Close the producer. Whatever somebody waits for has been sent before."""
        if self._producer is not None:
            await abandon(self._producer, CLOSE_S)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                made = producer(self._settings)
                try:
                    await made.start()
                except BaseException:
                    await made.stop()
                    raise
                self._producer = made
            return self._producer

    async def _give_up(self, failed: AIOKafkaProducer | None) -> None:
        """Stop a producer that failed; not the next one, which others already send by."""
        if failed is None or failed is not self._producer:
            return
        self._producer = None
        # Its person is told that it was not saved, and may choose otherwise: it must not be sent later after all.
        halt(failed)
        await asyncio.wait([asyncio.ensure_future(abandon(failed, CLOSE_S))], timeout=CLOSE_S)


class Acts:
    """Makes the events of acts.

    Args:
        publisher: sends them.
        topic: of acts.
        clock: seconds since the epoch.
    """

    def __init__(self, publisher: Publisher, topic: str, clock: Callable[[], float] = time) -> None:
        self._publisher = publisher
        self._topic = topic
        self._clock = clock
        self.console = secrets.token_hex(8)

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock()

    def record(self, person: Person, act: str, subject: str, details: dict[str, Scalar]) -> tuple[str, OutgoingRecord]:
        """Return the id of an act, and its record."""
        now, act_id = self._clock(), secrets.token_hex(12)
        more = {"details": details} if details else {}
        event = ActEvent(
            act_id=act_id,
            act=act,
            subject=subject,
            who=person.name,
            role=person.role,
            console=self.console,
            acted_at=datetime.fromtimestamp(now, UTC),
            **more,
        )
        record = to_record(event, identity=f"{event.TYPE}:{act_id}", time=timestamp(now), subject=subject)
        return act_id, OutgoingRecord(self._topic, subject.encode(), record.value, record.headers)

    async def publish(self, person: Person, act: str, subject: str, details: dict[str, Scalar] | None = None) -> str:
        """Publish an act, and return its id.

        Raises:
            NotPublishedError: the broker did not take it.
        """
        act_id, record = self.record(person, act, subject, details or {})
        await self._publisher.send([record])
        return act_id

    async def note(self, person: Person, act: str, subject: str, details: dict[str, Scalar] | None = None) -> None:
        """Publish an act that needs no broker, such as a sign-in; the log has it if none takes it."""
        try:
            async with asyncio.timeout(NOTE_TIMEOUT_S):
                await self.publish(person, act, subject, details)
        except (NotPublishedError, TimeoutError):
            log.warning("An act is only in this log", extra={"act": act, "subject": subject, "who": person.name})

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Send records that belong together.

        Raises:
            NotPublishedError: the broker did not take all.
        """
        await self._publisher.send(records)
