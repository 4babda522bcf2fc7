"""A service as a process: its start, and its end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

from aiokafka.errors import KafkaError

from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.client_compat import broker_errors
from triage_worker.observability.http import serving
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.readiness import Status
from triage_worker.streaming.signals import stop_on_signals
from triage_worker.streaming.wiring import Parts

log = logging.getLogger(__name__)


async def serve(
    settings: Settings,
    needed: Mapping[str, str],
    opened: Callable[[Settings, Metrics], AbstractAsyncContextManager[Parts]],
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of the service.
        needed: the settings that name the topics which must exist, each with what is done on it.
        opened: makes the service's parts, and takes them away.

    Raises:
        TriageError, ModelError: the service cannot start; says what to change.
    """
    asyncio.get_running_loop().set_exception_handler(_on_forgotten_error)
    stop = stop_on_signals()
    metrics = Metrics()
    status = Status(stop, broker_errors.listen())
    async with serving(
        settings.http_host,
        settings.http_port,
        alive=status.not_alive,
        ready=status.not_ready,
        registry=metrics.registry,
    ):
        await topics.require(settings, needed)
        async with opened(settings, metrics) as parts:
            status.parts = parts
            await work(parts, stop, settings.drain_timeout_s)
    log.info("Stopped", extra=asdict(parts.station.ledger.conservation()))
    return 0


async def work(parts: Parts, stop: asyncio.Event, drain_s: float) -> None:
    """Run all parts until the consumer has stopped, or one of the others fails.

    Args:
        parts: what to run.
        stop: set to have the consumer stop.
        drain_s: longest wait for what is in flight then.
    """
    failed = parts.station.start()
    consuming = asyncio.create_task(parts.consumer.run(stop, drain_s), name="consumer")
    others = [
        asyncio.create_task(parts.delivery.run(), name="delivery"),
        asyncio.create_task(parts.lag.run(), name="lag"),
        failed,
    ]
    try:
        done, _ = await asyncio.wait([consuming, *others], return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        parts.station.close()
        for task in (consuming, *others):
            task.cancel()
        await asyncio.gather(consuming, *others, return_exceptions=True)


def _on_forgotten_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """aiokafka leaves futures behind when a producer is given up; what they say was told by others already."""
    if isinstance(context.get("exception"), KafkaError):
        log.debug("%s: %r", context["message"], context["exception"])
    else:
        loop.default_exception_handler(context)
