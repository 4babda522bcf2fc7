"""Runs the intake, from its start to its end: HTTP server, mailboxes, the writer, and the second step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict
from functools import partial

from triage_worker.config.errors import ConfigError
from triage_worker.config.intake_sources import IntakeSourceModel, load
from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.intake.app import make_app
from triage_worker.intake.endpoints import BodyLimits, Endpoints
from triage_worker.intake.key_history import KeyHistory
from triage_worker.intake.mailbox import Mailbox, make_mailbox
from triage_worker.intake.metrics import IntakeMetrics
from triage_worker.intake.open_source import OpenSource
from triage_worker.intake.processor import IntakeProcessor
from triage_worker.intake.source_secrets import SourceSecrets
from triage_worker.intake.state import IntakeState
from triage_worker.intake.target_topics import require_topics, target_topics
from triage_worker.intake.writer import RecordWriter
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat import broker_errors
from triage_worker.kafka.clients import producer, topic_consumer
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability.http import readiness, serving
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience import file_descriptors
from triage_worker.streaming import process_end
from triage_worker.streaming.readiness import Readiness
from triage_worker.streaming.service import run_components
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.wiring import ServiceComponents, connect
from triage_worker.web.server import HttpServer, listen, make_server

log = logging.getLogger(__name__)

STILL_ACCEPTING_S = 0.7
"""After a signal, /readyz says "stopping", and new webhooks are taken for so long: load balancers notice later."""

FINISH_S = 2.0
"""Webhooks in flight have so long to be answered at the end; senders repeat those that are not."""

DRAIN_S = 2.0
"""The second step has so long to finish; what it leaves is in the topic."""


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the service cannot start; says what to change.
    """
    return process_end.run(_run(settings))


def read_sources(settings: Settings) -> list[IntakeSourceModel]:
    """Read the sources.

    Raises:
        ConfigError: there are none, or the file is not valid.
    """
    if settings.intake_sources is None:
        raise ConfigError("There is nothing to take messages from: set TRIAGE_INTAKE_SOURCES, see docs/intake.md.")
    return load(settings.intake_sources)


async def _run(settings: Settings) -> int:
    if settings.http_port == 0:
        raise ConfigError("TRIAGE_HTTP_PORT is 0, and webhooks need a port: set another one.")
    # Repetitions are left out by the transaction that has the offset, so there is no other delivery.
    settings = settings.changed({"delivery": "exactly_once"}, "default")
    sources = read_sources(settings)
    targets = target_topics(settings, sources)
    file_descriptors.raise_limit()
    stop = stop_on_signals()
    metrics = Metrics()
    intake_metrics = IntakeMetrics(metrics.registry)
    writer = RecordWriter(
        partial(producer, settings), settings.intake_topic, settings.intake_write_timeout_s, intake_metrics.wrote
    )
    second_step = Readiness(stop, broker_errors.listen())
    state = IntakeState(stop, writer, second_step)
    server = _make_server(settings, sources, writer, state, metrics, intake_metrics)
    mailboxes = [make_mailbox(source, settings, writer, intake_metrics) for source in sources if source.mailbox]
    sockets = listen(settings.http_host, settings.http_port)
    async with _probes(settings, state, metrics), AsyncExitStack() as stack:
        answering = asyncio.create_task(server.serve(sockets), name="http")
        stack.push_async_callback(_finish, server, answering)
        try:
            await unless_stopped(stop, topics.require(settings, required_operations("intake")))
            await unless_stopped(stop, require_topics(settings, targets.values()))
        except StoppedError:
            log.info("Stopped before the start was complete")
            return 0
        components = assemble(settings, targets, metrics, intake_metrics)
        second_step.components = components
        writing = asyncio.create_task(writer.run(), name="writer")
        stack.push_async_callback(_cancel, [writing])
        log.info("Taking webhooks", extra={"host": settings.http_host, "port": settings.http_port})
        await _until_stopped(stop, components, [answering, writing], mailboxes, partial(_finish, server, answering))
    log.info("Stopped", extra=asdict(components.in_flight.offsets.counts()))
    return 0


def assemble(
    settings: Settings, targets: Mapping[str, str], metrics: Metrics, intake_metrics: IntakeMetrics
) -> ServiceComponents:
    """Build the second step; nothing is started.

    Args:
        settings: of the service, with exactly-once delivery.
        targets: the topic of each source.
        metrics: of what is read.
        intake_metrics: where the number of keys is shown.
    """
    in_flight = InFlightMessages(metrics)
    dead_letters = DeadLetters(DeadLetterTopic.of(settings, "intake"))
    window_ms = settings.intake_window_s * 1_000
    history = KeyHistory(partial(topic_consumer, settings), window_ms)
    processor = IntakeProcessor(targets, history, window_ms, dead_letters, in_flight)
    intake_metrics.watch_keys(lambda: processor.keys)
    return connect(
        settings,
        "intake",
        TopicSelection((settings.intake_topic,)),
        in_flight,
        processor,
        dead_letters,
        metrics,
        max_in_flight=settings.max_in_flight,
    )


def _make_server(
    settings: Settings,
    sources: Sequence[IntakeSourceModel],
    writer: RecordWriter,
    state: IntakeState,
    metrics: Metrics,
    intake_metrics: IntakeMetrics,
) -> HttpServer:
    """Make the server with its application; it is not started."""
    opened = {source.name: OpenSource(source, SourceSecrets(source)) for source in sources if source.kind != "imap"}
    limits = BodyLimits(settings.intake_max_body_bytes, settings.intake_receive_timeout_s)
    app = make_app(
        Endpoints(opened, writer, limits, state, intake_metrics, metrics.registry),
        intake_metrics,
        with_metrics=not settings.intake_probe_port,
    )
    return make_server(
        app,
        connections=settings.intake_max_connections,
        timeout_s=settings.intake_receive_timeout_s,
        finish_s=FINISH_S,
    )


def _probes(settings: Settings, state: IntakeState, metrics: Metrics) -> AbstractAsyncContextManager[None]:
    """Serve probes and metrics on a port of their own, if there is one; that of the webhooks has the probes anyway."""
    if not settings.intake_probe_port:
        readiness(state.not_ready, metrics.registry)
    return serving(
        settings.http_host,
        settings.intake_probe_port,
        alive=state.not_alive,
        ready=state.not_ready,
        registry=metrics.registry,
    )


async def _until_stopped(
    stop: asyncio.Event,
    components: ServiceComponents,
    tasks: "Sequence[asyncio.Task[None]]",
    mailboxes: Sequence[Mailbox],
    finish: Callable[[], Awaitable[None]],
) -> None:
    """Run until a signal, and then a little longer for webhooks; raises the error of a task that fails before.

    Args:
        stop: set by the signal.
        components: the second step, which ends by the signal.
        tasks: that must not end before.
        mailboxes: to read.
        finish: lets the server answer what it has, and end.
    """
    reading = [asyncio.create_task(mailbox.run(), name="mailbox") for mailbox in mailboxes]
    second_step = asyncio.create_task(run_components(components, stop, DRAIN_S), name="second-step")
    try:
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopping, second_step, *tasks, *reading], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for ended in done:
            ended.result()
        await _cancel(reading)
        await asyncio.sleep(STILL_ACCEPTING_S)
        await asyncio.gather(finish(), second_step)
    finally:
        await _cancel([*reading, second_step])


async def _finish(server: HttpServer, answering: "asyncio.Task[None]") -> None:
    """Let the server answer what it has, and end."""
    server.should_exit = True
    await asyncio.wait([answering])


async def _cancel(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
