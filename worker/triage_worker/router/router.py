"""The router's services, connected to Kafka and Faust."""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from triage_schemas.encoding import EventEncoding

from triage_worker.kafka.client_compat.faust import Stopped, stop_app, stop_until_seek, watch_topics
from triage_worker.kafka.event_reader import EventReader
from triage_worker.kafka.records import OutgoingRecord
from triage_worker.kafka.sending import send_record
from triage_worker.observability.tracing import Traces
from triage_worker.router.context import RouterContext
from triage_worker.router.event_batcher import EventBatcher
from triage_worker.router.faust_app import RouterApp, add_agent
from triage_worker.router.faust_store import FaustStore
from triage_worker.router.interfaces import Sender
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.surge_service import SurgeService
from triage_worker.router.ticket_service import TicketService
from triage_worker.router.topics import RouterTopics
from triage_worker.routing.routes_file import RoutesFile

log = logging.getLogger(__name__)

TICK_S = 2.0
BATCH_S = 1.0
"""How long the current batches may take when the router stops."""

STUCK_AFTER_S = 300.0
"""The router is not alive once a batch has taken this long."""


class Router:
    """Routes intents to tickets and alerts, once it is connected.

    Args:
        topics: the names of the topics.
        rules: the rules file.

    Attributes:
        metrics: the router's metrics.
    """

    def __init__(self, topics: RouterTopics, rules: RoutesFile) -> None:
        self.metrics = RouterMetrics()
        self.metrics.rules_in_force(rules.digest)
        self._topics = topics
        self._rules = rules
        self._state = "starting"
        self._stopped = Stopped(in_order=True, failed=False)

    @property
    def stopped(self) -> Stopped:
        """How Faust stopped. Its threads would keep the process running."""
        return self._stopped

    def connect(
        self,
        built: RouterApp,
        producer: AIOKafkaProducer,
        traces: Traces | None,
        reader: EventReader,
        encoding: EventEncoding,
    ) -> None:
        """Connect the services to the broker.

        Args:
            built: the Faust application, which is not started yet.
            producer: a started producer.
            traces: makes the spans of messages; None makes none.
            reader: reads intent events.
            encoding: writes ticket events and alerts.
        """
        self._built, self._reader = built, reader
        topics = self._topics
        context = RouterContext(
            topics,
            _sender(producer),
            lambda: self._rules.routes,
            self.metrics,
            reader=reader,
            encoding=encoding,
        )
        self._tickets = TicketService(context, FaustStore(built.conversations, producer, topics.intents), traces)
        self._surges = SurgeService(context, FaustStore(built.rates, producer, topics.counts))
        self._ticket_batches = EventBatcher(self._tickets.process, self.metrics, reader.load)
        self._surge_batches = EventBatcher(self._surges.process, self.metrics)
        add_agent(built.app, "tickets", [topics.intents, topics.keyed], self._ticket_batches)
        add_agent(built.app, "surges", [topics.counts], self._surge_batches)
        built.app.on_partitions_revoked.connect(self._on_revoked)
        built.app.on_rebalance_complete.connect(self._on_recovered)

    async def run(self, stop: asyncio.Event) -> None:
        """Route until ``stop`` is set.

        Raises:
            TopicAuthorizationFailedError: the broker refuses the right to read a topic; names it.
            Exception: another task failed. Records that were not acknowledged are read again at the next start.
        """
        app = self._built.app
        stopping = asyncio.create_task(stop.wait(), name="stop")
        starting = asyncio.create_task(app.start(), name="start")
        watching = asyncio.create_task(watch_topics(app), name="topics")
        tasks: list[asyncio.Task[Any]] = [stopping, starting, watching]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            if not starting.done():
                return  # stopped while Faust was still waiting for its group
            starting.result()
            tasks = [
                stopping,
                watching,
                asyncio.create_task(self._ticket_batches.run(), name="tickets"),
                asyncio.create_task(self._surge_batches.run(), name="surges"),
                asyncio.create_task(self._tick_forever(), name="ticks"),
                asyncio.create_task(app.wait_until_stopped(), name="faust"),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if not stop.is_set():
                raise app.crash_reason or RuntimeError("Faust stopped by itself")
            await self._finish_batches(tasks)
        finally:
            self._state = "stopping"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._stopped = Stopped(in_order=False, failed=True)  # unless the next line returns
            self._stopped = await stop_app(app)

    async def _finish_batches(self, tasks: "Sequence[asyncio.Task[Any]]") -> None:
        """Wait for the current batches, and cancel all tasks before the next ones. Pending events are read again."""
        try:
            async with asyncio.timeout(BATCH_S), self._ticket_batches.lock, self._surge_batches.lock:
                for task in tasks:
                    task.cancel()
        except TimeoutError:  # the broker takes no outputs; what a batch has not acknowledged is read again
            log.warning("The current batch was not finished in time; its events are read again")

    def not_alive(self) -> str | None:
        """Why the router should be restarted; None if it works."""
        if self._state != "routing":
            return None
        for batcher in (self._ticket_batches, self._surge_batches):
            if batcher.lock.locked() and monotonic() - batcher.batch_started_at > STUCK_AFTER_S:
                return f"a batch has not finished within {STUCK_AFTER_S:.0f} s"
        return None

    def not_ready(self) -> str | None:
        """Why no intents are routed; None if they are."""
        return self._reader.problem if self._state == "routing" else self._state

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._rules.refresh()
            self.metrics.rules_problem.set(self._rules.problem is not None)
            self.metrics.rules_in_force(self._rules.digest)
            if self._state == "routing":
                async with self._ticket_batches.lock:
                    await self._tickets.tick()
                async with self._surge_batches.lock:
                    await self._surges.tick()

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._state = "the consumer group is rebalancing"
        await self._ticket_batches.discard_pending()
        await self._surge_batches.discard_pending()

    async def _on_recovered(self, *_: Any, **__: Any) -> None:
        stop_until_seek(self._built.app)
        async with self._ticket_batches.lock:
            self._tickets.on_recovered()
        async with self._surge_batches.lock:
            self._surges.on_recovered()
        assigned = self._built.app.consumer.assignment()
        mine = sum(partition.topic == self._topics.intents for partition in assigned)
        self._state = "routing" if mine else "no partitions assigned yet"
        log.info("Partitions assigned", extra={"partitions": mine})


def _sender(producer: AIOKafkaProducer) -> Sender:
    async def send(records: Sequence[OutgoingRecord]) -> None:
        futures = [
            await send_record(producer, record.topic, key=record.key, value=record.value, headers=record.headers)
            for record in records
        ]
        await asyncio.gather(*futures)

    return send
