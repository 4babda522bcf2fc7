"""The router as a process: its start, its ticks and its end."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics as shared_topics
from triage_worker.kafka.authorization import required
from triage_worker.kafka.client_compat.faust import stop_until_seek
from triage_worker.kafka.connection import connection
from triage_worker.observability import tracing
from triage_worker.observability.http import serving
from triage_worker.observability.tracing import Traces
from triage_worker.router import faust_app
from triage_worker.router.batches import Batches
from triage_worker.router.desk import Desk
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.office import Office
from triage_worker.router.provision import provide
from triage_worker.router.records import Outgoing
from triage_worker.router.store import FaustStore
from triage_worker.router.topics import RouterTopics
from triage_worker.router.watch import Watch
from triage_worker.routing.routes_file import SHIPPED, RoutesFile
from triage_worker.streaming.delivery.delivery import send_null
from triage_worker.streaming.signals import stop_on_signals

log = logging.getLogger(__name__)

TOPICS = {
    "output_topic": "Read",
    **dict.fromkeys(("tickets_topic", "alerts_topic", "dead_letter_topic"), "Write"),
}

TICK_S = 2.0
STUCK_S = 300.0
MAX_REQUEST_BYTES = 4 * 1_048_576


def run(settings: Settings) -> int:
    """Route until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the router cannot start; says what to change.
    """
    with required():
        return asyncio.run(serve(settings))


async def serve(settings: Settings) -> int:
    """`run` in a running event loop."""
    stop = stop_on_signals()
    rules = RoutesFile(settings.routes or SHIPPED)
    topics = RouterTopics.of(settings)
    router = Router(topics, rules)
    faust_app.quiet(logging.getLevelName(settings.log_level))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            serving(
                settings.http_host,
                settings.http_port,
                alive=router.not_alive,
                ready=router.not_ready,
                registry=router.metrics.registry,
            )
        )
        await shared_topics.require(settings, TOPICS)
        provided = await provide(settings, topics)
        folder = stack.enter_context(_folder(settings.state_dir))
        built = faust_app.build(
            settings, topics, partitions=provided.partitions, replicas=provided.replicas, folder=Path(folder)
        )
        producer = await stack.enter_async_context(_producer(settings))
        traces = stack.enter_context(tracing.started("router", settings.group("router")))
        router.connect(built, producer, traces)
        await router.work(stop)
    log.info("Stopped")
    return 0


class Router:
    """The parts of the router, put together."""

    def __init__(self, topics: RouterTopics, rules: RoutesFile) -> None:
        self.metrics = RouterMetrics()
        self._topics = topics
        self._rules = rules
        self._state = "starting"

    def connect(self, built: faust_app.RouterApp, producer: AIOKafkaProducer, traces: Traces | None) -> None:
        """Give it the broker."""
        self._built = built
        topics = self._topics
        office = Office(topics, _sender(producer), lambda: self._rules.routes, self.metrics)
        self._desk = Desk(office, FaustStore(built.conversations, producer, topics.intents), traces)
        self._watch = Watch(office, FaustStore(built.rates, producer, topics.counts))
        self._desk_batches = Batches(self._desk.handle, self.metrics)
        self._watch_batches = Batches(self._watch.handle, self.metrics)
        faust_app.hand_over(built.app, [topics.intents, topics.keyed], self._desk_batches, "desk")
        faust_app.hand_over(built.app, [topics.counts], self._watch_batches, "watch")
        built.app.on_partitions_revoked.connect(self._on_revoked)
        built.app.on_rebalance_complete.connect(self._on_recovered)

    async def work(self, stop: asyncio.Event) -> None:
        """Route until told to stop.

        Raises:
            Exception: a part failed. What was not acknowledged is read again at the next start.
        """
        app = self._built.app
        stopping = asyncio.create_task(stop.wait(), name="stop")
        starting = asyncio.create_task(app.start(), name="start")
        waited: list[asyncio.Task[Any]] = [stopping, starting]
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return  # Faust waits for its group for as long as it takes
            starting.result()
            waited = [
                stopping,
                asyncio.create_task(self._desk_batches.run(), name="desk"),
                asyncio.create_task(self._watch_batches.run(), name="watch"),
                asyncio.create_task(self._tick_forever(), name="ticks"),
                asyncio.create_task(app.wait_until_stopped(), name="faust"),
            ]
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if not stop.is_set():
                raise app.crash_reason or RuntimeError("Faust stopped by itself")
            # Between two batches, so that none is cut short; what waits is read again at the next start.
            async with self._desk_batches.between, self._watch_batches.between:
                for task in waited:
                    task.cancel()
        finally:
            self._state = "stopping"
            for task in waited:
                task.cancel()
            await asyncio.gather(*waited, return_exceptions=True)
            await app.stop()

    def not_alive(self) -> str | None:
        """What is wrong with the loop."""
        if self._state != "routing":
            return None
        for batches in (self._desk_batches, self._watch_batches):
            if batches.between.locked() and monotonic() - batches.turned_at > STUCK_S:
                return "a batch does not come to an end"
        return None

    def not_ready(self) -> str | None:
        """What keeps intents from being routed."""
        return None if self._state == "routing" else self._state

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._rules.refresh()
            self.metrics.rules_problem.set(self._rules.problem is not None)
            if self._state == "routing":
                async with self._desk_batches.between:
                    await self._desk.tick()
                async with self._watch_batches.between:
                    await self._watch.tick()

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._state = "partitions are being given out anew"
        await self._desk_batches.drop()
        await self._watch_batches.drop()

    async def _on_recovered(self, *_: Any, **__: Any) -> None:
        stop_until_seek(self._built.app)
        async with self._desk_batches.between:
            self._desk.recovered()
        async with self._watch_batches.between:
            self._watch.recovered()
        assigned = self._built.app.consumer.assignment()
        mine = sum(partition.topic == self._topics.intents for partition in assigned)
        self._state = "routing" if mine else "no partitions assigned yet"
        log.info("Partitions assigned", extra={"partitions": mine})


def _sender(producer: AIOKafkaProducer) -> Any:
    async def send(outgoing: Sequence[Outgoing]) -> None:
        await asyncio.gather(*[await _handed_over(producer, record) for record in outgoing])

    return send


async def _handed_over(producer: AIOKafkaProducer, record: Outgoing) -> "asyncio.Future[object]":
    if record.key is None and record.value is None:  # a dead letter of nothing
        partition = min(await producer.partitions_for(record.topic))
        return await send_null(producer, record.topic, partition, record.headers)
    future: asyncio.Future[object] = await producer.send(
        record.topic, key=record.key, value=record.value, headers=list(record.headers)
    )
    return future


@asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **connection(settings),
        acks="all",
        enable_idempotence=settings.idempotence,
        linger_ms=2,
        max_request_size=MAX_REQUEST_BYTES,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def _folder(state_dir: Path | None) -> Any:
    """Where the tables are kept: a folder that stays, or one that goes with the process."""
    if state_dir is None:
        return tempfile.TemporaryDirectory(prefix="triage-router-", ignore_cleanup_errors=True)
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"TRIAGE_STATE_DIR={state_dir} cannot be made: {error.strerror}.") from None
    return nullcontext(state_dir)
