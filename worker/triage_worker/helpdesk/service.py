"""The process of the helpdesk connector: reads ticket events in order and brings each to the helpdesk."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import AsyncExitStack, suppress
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from pydantic import ValidationError
from triage_schemas.events import TicketEvent
from triage_schemas.validation import first_error

from triage_worker.config.settings import Settings
from triage_worker.helpdesk.adapter import OwnTickets
from triage_worker.helpdesk.connection import Tickets, connected
from triage_worker.helpdesk.http_client import HelpdeskClient, RequestRejectedError
from triage_worker.helpdesk.label_poller import LabelPoller
from triage_worker.helpdesk.metrics import HelpdeskMetrics, Outcome
from triage_worker.helpdesk.state_topic import StateTopic, TicketRecordsTopic
from triage_worker.kafka import topics
from triage_worker.kafka.authorization import required
from triage_worker.kafka.client_compat.consumer_group import stop_consumer
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import group_consumer, producer
from triage_worker.kafka.dead_letters import DeadLetterTopic, make_dead_letter
from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader, opened_reader
from triage_worker.kafka.event_schemas import EventSchemas, written_channels
from triage_worker.kafka.sending import send_record
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability.http import serving
from triage_worker.resilience.file_descriptors import raise_limit
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load
from triage_worker.streaming import process_end
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped

log = logging.getLogger(__name__)

NOT_READY_AFTER_S = 60.0
"""The connector is not ready once the helpdesk has not responded for this long."""

MAX_POLL_INTERVAL_MS = 86_400_000
"""A day: an outage of the helpdesk must not end the consumer's membership. Heartbeats go on during retries."""


def run(settings: Settings) -> int:
    """Run the connector until SIGTERM or SIGINT, and return the exit code.

    Raises:
        TriageError: the connector cannot start, or the helpdesk refuses the login; the message says what to change.
    """
    with required():
        return process_end.run(serve(settings))


async def serve(settings: Settings) -> int:
    """Do what `run` does, inside a running event loop."""
    raise_limit()
    stop = stop_on_signals()
    routes = load(settings.routes or DEFAULT_ROUTES)
    metrics, state, schemas = HelpdeskMetrics(), StateTopic(settings), EventSchemas(settings)
    needed = {**required_operations("helpdesk"), **({"labels_topic": "Write"} if settings.helpdesk_poll_s else {})}
    async with (
        connected(settings, routes.helpdesk, metrics) as connection,
        opened_reader(settings, metrics.registry) as reader,
    ):
        tickets = Tickets(connection, TicketRecordsTopic(state, settings.helpdesk or ""), routes.helpdesk, metrics)
        connector = Connector(settings, tickets, metrics, reader, state.catch_up)
        poller = LabelPoller(settings, connection.system, state, routes, metrics, lambda: connector.is_first)
        async with serving(
            settings.http_host,
            settings.http_port,
            alive=lambda: None,
            ready=lambda: schemas.problem or connector.not_ready() or state.problem or _outage(connection.client),
            registry=metrics.registry,
        ):
            with suppress(StoppedError):
                await unless_stopped(stop, topics.require(settings, needed))
                poller.encoding = await unless_stopped(stop, schemas.encoding(written_channels(needed)))
                async with AsyncExitStack() as stack:
                    await unless_stopped(stop, stack.enter_async_context(state.opened()))
                    running = [connector.run(stop), *([poller.run()] if settings.helpdesk_poll_s else [])]
                    await first_ended(running)
    log.info("Stopped")
    return 0


async def first_ended(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run steps at once until the first of them ends, and raise what it raised."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Connector:
    """Reads ticket events and brings them to the helpdesk, one after the other.

    Args:
        settings: the connection to Kafka, the topics and the consumer group.
        helpdesk: takes the tickets.
        metrics: where ticket events are counted.
        reader: reads ticket events.
        catch_up: is awaited when partitions were assigned, before their events are processed.
    """

    def __init__(
        self,
        settings: Settings,
        helpdesk: OwnTickets,
        metrics: HelpdeskMetrics,
        reader: EventReader = WITHOUT_REGISTRY,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._settings = settings
        self._helpdesk = helpdesk
        self._metrics = metrics
        self._reader = reader
        self._catch_up = catch_up
        self._known: set[TopicPartition] = set()
        self._consumer: AIOKafkaConsumer | None = None

    def not_ready(self) -> str | None:
        """Why no ticket events are read; None if they are."""
        assigned = self._consumer is not None and self._consumer.assignment()
        return self._reader.problem if assigned else "no partitions assigned yet"

    @property
    def is_first(self) -> bool:
        """Whether this connector has the first partition, so that it does what only one connector of a group may do."""
        first = TopicPartition(self._settings.tickets_topic, 0)
        return self._consumer is not None and first in self._consumer.assignment()

    async def run(self, stop: asyncio.Event) -> None:
        """Process ticket events. The next start repeats an event that was not finished.

        Raises:
            StoppedError: ``stop`` was set.
        """
        settings = self._settings
        self._consumer = group_consumer(
            settings, "helpdesk", settings.tickets_topic, max_poll_interval_ms=MAX_POLL_INTERVAL_MS
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(stop_consumer, self._consumer)  # also if the start fails
            await unless_stopped(stop, self._consumer.start())
            dead_letters = producer(settings)
            stack.push_async_callback(abandon, dead_letters)
            await unless_stopped(stop, dead_letters.start())
            log.info("Connected", extra={"helpdesk": settings.helpdesk, "site": settings.helpdesk_url})
            await unless_stopped(stop, self._consume(self._consumer, dead_letters))

    async def _consume(self, consumer: AIOKafkaConsumer, sender: AIOKafkaProducer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=50)
            await self._learn_what_others_wrote(consumer.assignment())
            for partition, records in fetched.items():
                await self._reader.load(records)
                for record in records:
                    if partition not in consumer.assignment():
                        break
                    await self._process(record, sender)
                    await _commit(consumer, partition, record.offset + 1)

    async def _learn_what_others_wrote(self, assigned: Collection[TopicPartition]) -> None:
        if set(assigned) - self._known and self._catch_up is not None:
            await self._catch_up()
        self._known = set(assigned)

    async def _process(self, record: ConsumerRecord, sender: AIOKafkaProducer) -> None:
        """Bring the ticket to the helpdesk. A record that is invalid or rejected goes to the dead-letter topic."""
        if record.value is None:
            return  # a tombstone: the topic no longer keeps the ticket, which changes nothing at the helpdesk
        try:
            outcome: Outcome = await self._helpdesk.upsert(self._reader.read(TicketEvent, record))
        except ValidationError as error:
            outcome = await self._send_dead_letter(record, sender, "not_a_ticket", first_error(error).message)
        except RequestRejectedError as error:
            outcome = await self._send_dead_letter(record, sender, "helpdesk_refused", str(error))
        self._metrics.tickets.labels(outcome).inc()

    async def _send_dead_letter(
        self, record: ConsumerRecord, sender: AIOKafkaProducer, code: str, reason: str
    ) -> Outcome:
        topic, key, value, headers = make_dead_letter(
            DeadLetterTopic.of(self._settings, "helpdesk"), record, code, reason
        )
        await (await send_record(sender, topic, key=key, value=value, headers=headers))
        return "dead_letter"


async def _commit(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        await consumer.commit({partition: offset})
    except KafkaError as error:
        # The partition was revoked: its next owner repeats this event, which changes nothing at the helpdesk.
        log.warning("An offset could not be committed", extra={"partition": partition.partition, "error": repr(error)})


def _outage(client: HelpdeskClient) -> str | None:
    since = client.failing_since
    if since is None or monotonic() - since < NOT_READY_AFTER_S:
        return None
    return f"the helpdesk has not answered for {monotonic() - since:.0f} s"
