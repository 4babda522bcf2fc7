"""The connector as a process: tickets from the topic, one after the other, to the helpdesk."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic, time

from aiohttp import ClientSession
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from pydantic import ValidationError
from triage_schemas.cloudevents import timestamp
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.events import TicketEvent
from triage_schemas.input.message import Source
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings, variable
from triage_worker.helpdesk.client import Client, Refused, login
from triage_worker.helpdesk.desks import Helpdesk
from triage_worker.helpdesk.gorgias import Gorgias
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.zendesk import Zendesk
from triage_worker.kafka import topics
from triage_worker.kafka.authorization import required
from triage_worker.kafka.client_compat.patches import apply_patches
from triage_worker.kafka.connection import connection
from triage_worker.observability.http import serving
from triage_worker.observability.tracing import ids
from triage_worker.routing.routes_file import SHIPPED, load
from triage_worker.streaming.signals import stop_on_signals

log = logging.getLogger(__name__)

AWAY_S = 60.0
DAY_MS = 86_400_000
"""A helpdesk that is away for hours must not cost us our partitions; that we are alive is told by heartbeats."""


def run(settings: Settings) -> int:
    """Connect until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the connector cannot start, or the helpdesk refuses the login; says what to change.
    """
    with required():
        return asyncio.run(serve(settings))


async def serve(settings: Settings) -> int:
    """`run` in a running event loop."""
    stop = stop_on_signals()
    groups = load(settings.routes or SHIPPED).helpdesk.groups
    metrics = HelpdeskMetrics()
    async with _session(settings) as session:
        assert settings.helpdesk_url is not None
        client = Client(session, settings.helpdesk_url, per_minute=settings.helpdesk_per_minute, metrics=metrics)
        desk: Helpdesk = Zendesk(client, groups) if settings.helpdesk == "zendesk" else Gorgias(client, groups)
        connector = Connector(settings, desk, metrics)
        async with serving(
            settings.http_host,
            settings.http_port,
            alive=lambda: None,
            ready=lambda: connector.not_ready() or _away(client),
            registry=metrics.registry,
        ):
            await topics.require(settings, {"tickets_topic": "Read", "dead_letter_topic": "Write"})
            await connector.work(stop)
    log.info("Stopped")
    return 0


class Connector:
    """Reads ticket events and hands each to the helpdesk before the next of its partition."""

    def __init__(self, settings: Settings, desk: Helpdesk, metrics: HelpdeskMetrics) -> None:
        self._settings = settings
        self._desk = desk
        self._metrics = metrics
        self._consumer: AIOKafkaConsumer | None = None

    def not_ready(self) -> str | None:
        """What keeps tickets from being read."""
        assigned = self._consumer is not None and self._consumer.assignment()
        return None if assigned else "no partitions assigned yet"

    async def work(self, stop: asyncio.Event) -> None:
        """Connect until told to stop; what is under way then is done again at the next start."""
        settings = self._settings
        apply_patches()
        self._consumer = AIOKafkaConsumer(
            settings.tickets_topic,
            **connection(settings),
            group_id=settings.group("helpdesk"),
            group_instance_id=settings.group_instance_id,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.heartbeat_ms,
            max_poll_interval_ms=DAY_MS,
            auto_offset_reset=settings.auto_offset_reset,
            enable_auto_commit=False,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._consumer.stop)  # also where it cannot be started
            await self._consumer.start()
            producer = await stack.enter_async_context(AIOKafkaProducer(**connection(settings), acks="all"))
            log.info("Connected", extra={"helpdesk": settings.helpdesk, "site": settings.helpdesk_url})
            working = asyncio.create_task(self._work_forever(self._consumer, producer))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not working.done():
                working.cancel()
            await asyncio.gather(working, return_exceptions=stop.is_set())

    async def _work_forever(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while True:
            for partition, records in (await consumer.getmany(timeout_ms=1_000, max_records=50)).items():
                for record in records:
                    if partition not in consumer.assignment():
                        break
                    await self._hand_over(record, producer)
                    await _commit(consumer, partition, record.offset + 1)

    async def _hand_over(self, record: ConsumerRecord, producer: AIOKafkaProducer) -> None:
        """One record to the helpdesk, or to the dead letters if it is no ticket or the helpdesk will not have it."""
        if record.value is None:
            return  # a tombstone: the topic forgets a ticket, and the helpdesk keeps its own
        try:
            outcome: str = await self._desk.put(TicketEvent.read(record.value))
        except ValidationError as error:
            outcome = await self._put_aside(record, producer, "not_a_ticket", first_error(error).message)
        except Refused as refused:
            outcome = await self._put_aside(record, producer, "helpdesk_refused", str(refused))
        self._metrics.tickets.labels(outcome).inc()

    async def _put_aside(self, record: ConsumerRecord, producer: AIOKafkaProducer, code: str, reason: str) -> str:
        source = Source(record.topic, record.partition, record.offset)
        extra = {**source._asdict(), "code": code, "reason": reason, **ids(record.headers)}
        log.warning("A ticket is put aside", extra=extra)
        headers = dead_letter_headers(record.headers, source, code, reason, timestamp(time()))
        topic = self._settings.dead_letter_topic
        await producer.send_and_wait(topic, record.value, key=record.key, headers=headers)
        return "dead_letter"


async def _commit(consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
    try:
        await consumer.commit({partition: offset})
    except KafkaError as error:
        # The partition was taken away: its next owner does this ticket again, which changes nothing.
        log.warning("An offset was not committed", extra={"partition": partition.partition, "error": repr(error)})


@asynccontextmanager
async def _session(settings: Settings) -> AsyncIterator[ClientSession]:
    for name in ("helpdesk", "helpdesk_url", "helpdesk_user", "helpdesk_token"):
        if getattr(settings, name) is None:
            raise ConfigError(f"`triage helpdesk` needs {variable(name)}: set it.")
    assert settings.helpdesk_token is not None
    user = f"{settings.helpdesk_user}/token" if settings.helpdesk == "zendesk" else str(settings.helpdesk_user)
    async with ClientSession(headers=login(user, settings.helpdesk_token.get_secret_value())) as session:
        yield session


def _away(client: Client) -> str | None:
    since = client.failing_since
    if since is None or monotonic() - since < AWAY_S:
        return None
    return f"the helpdesk has not answered for {monotonic() - since:.0f} s"
