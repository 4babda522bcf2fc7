"""Runs a service as a process, from its start to its end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from triage_schemas.encoding import EventEncoding

from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat import broker_errors
from triage_worker.kafka.event_schemas import EventSchemas, written_channels
from triage_worker.observability.http import serving
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.registry import process_registry
from triage_worker.resilience import file_descriptors
from triage_worker.streaming.readiness import Readiness
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped
from triage_worker.streaming.wiring import ServiceComponents

log = logging.getLogger(__name__)


async def run_service(
    settings: Settings,
    needed: Mapping[str, str],
    open_components: Callable[[Settings, Metrics, EventEncoding], AbstractAsyncContextManager[ServiceComponents]],
) -> int:
    """Run a service until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of the service.
        needed: the settings that name the topics which must exist, each with the operation on it.
        open_components: makes the components of the service, which write events in an encoding, and closes what they
            hold.

    Raises:
        TriageError, ModelError: the service cannot start; says what to change.
    """
    asyncio.get_running_loop().set_exception_handler(_on_unhandled_error)
    file_descriptors.raise_limit()
    stop = stop_on_signals()
    metrics = Metrics()
    schemas = EventSchemas(settings)
    readiness = Readiness(stop, broker_errors.listen(), lambda: schemas.problem)
    async with (
        serving(
            settings.http_host,
            settings.http_port,
            alive=readiness.not_alive,
            ready=readiness.not_ready,
            registry=metrics.registry,
        ),
        AsyncExitStack() as stack,
    ):
        try:
            await unless_stopped(stop, topics.require(settings, needed))
            encoding = await unless_stopped(stop, schemas.encoding(written_channels(needed)))
            opening = stack.enter_async_context(open_components(settings, metrics, encoding))
            components = await unless_stopped(stop, opening)
        except StoppedError:
            log.info("Stopped before the start was complete")
            return 0
        readiness.components = components
        await run_components(components, stop, settings.drain_timeout_s)
    log.info("Stopped", extra=asdict(components.in_flight.offsets.counts()))
    return 0


class Follower(Protocol):
    """A service that follows topics without a consumer group."""

    @property
    def down(self) -> str | None:
        """Why it does not follow at present; None if it does."""
        ...

    async def run(self) -> None:
        """Follow until cancelled."""
        ...


async def run_follower(
    settings: Settings, needed: Mapping[str, str], make: Callable[[Settings, CollectorRegistry], Follower]
) -> int:
    """Run a follower until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of the service.
        needed: the settings that name the topics which must exist, each with the operation on it.
        make: makes the follower, with its metrics in a registry.

    Raises:
        TriageError, ModelError: the service cannot start; says what to change.
    """
    asyncio.get_running_loop().set_exception_handler(_on_unhandled_error)
    stop = stop_on_signals()
    registry = process_registry()
    follower: Follower | None = None

    def not_ready() -> str | None:
        return "starting" if follower is None else follower.down

    serve = serving(settings.http_host, settings.http_port, alive=lambda: None, ready=not_ready, registry=registry)
    async with serve:
        try:
            await unless_stopped(stop, topics.require(settings, needed))
            follower = make(settings, registry)
            await unless_stopped(stop, follower.run())
        except StoppedError:
            log.info("Stopped")
    return 0


async def run_components(components: ServiceComponents, stop: asyncio.Event, drain_s: float) -> None:
    """Run all components until the consumer has stopped, or one of the others fails.

    Args:
        components: what to run.
        stop: set to stop the consumer.
        drain_s: longest wait for what is in flight then, in seconds.
    """
    processing = components.processor.start()
    consuming = asyncio.create_task(components.consumer.run(stop, drain_s), name="consumer")
    others = [
        asyncio.create_task(components.delivery.run(), name="delivery"),
        asyncio.create_task(components.lag.run(), name="lag"),
        asyncio.create_task(components.diagnosis.run(), name="diagnosis"),
        processing,
    ]
    try:
        done, _ = await asyncio.wait([consuming, *others], return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        components.processor.close()
        for task in (consuming, *others):
            task.cancel()
        await asyncio.gather(consuming, *others, return_exceptions=True)


def _on_unhandled_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log futures that aiokafka leaves behind when a producer is closed; their errors were reported elsewhere."""
    if isinstance(context.get("exception"), KafkaError):
        log.debug("%s: %r", context["message"], context["exception"])
    else:
        loop.default_exception_handler(context)
