"""Works around four gaps of Faust. Only the router imports this module, since Faust is an extra."""

import asyncio
import logging
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import faust.streams
from faust.tables import TableManager
from faust.types import AppT

from triage_worker.kafka.client_compat import topic_access, versions
from triage_worker.kafka.client_compat.consumer_group import PatchedGroupCoordinator
from triage_worker.kafka.client_compat.faust_consumer import PositionRecovery

versions.require(versions.FAUST)

LOGGER = __name__
"""Where Faust logs what `ReadyTables` does: it names a service's logger after the module of its class."""

log = logging.getLogger(__name__)


class ReadyTables(TableManager):
    """Faust's table manager without the second that it waits for more tables: ours are declared before the start."""

    @property
    def recovery(self) -> PositionRecovery:
        """Recovers the tables; made when it is first asked for."""
        if not isinstance(self._recovery, PositionRecovery):
            self._recovery = PositionRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Open the tables and start to recover them."""
        await self._update_channels()
        await self.recovery.start()


class _Source(NamedTuple):
    topic: str
    partition: int


class _PartitionEvent:
    """The part of Faust's event that its tables read."""

    def __init__(self, topic: str, partition: int) -> None:
        self.message = _Source(topic, partition)


@contextmanager
def current_partition(topic: str, partition: int) -> Iterator[None]:
    """Make Faust's tables work on a partition, within this context.

    They take the partition from the event that is being processed, and offer no other way to name it.

    Args:
        topic: a topic that is partitioned like the table.
        partition: the number of the partition.
    """
    event: Any = _PartitionEvent(topic, partition)
    token = faust.streams._current_event.set(weakref.ref(event))
    try:
        yield
    finally:
        faust.streams._current_event.reset(token)


def stop_until_seek(app: AppT) -> None:
    """Stop the consumer of a Faust application until Faust has gone to the committed offsets.

    After a rebalance, Faust resumes the partitions before it seeks. What it read in between would be delivered twice
    or, if it counted as acknowledged, never. Faust starts the consumer again after the seek.
    """
    app.consumer.stop_flow()


TOPIC_CHECK_INTERVAL_S = 1.0


async def watch_topics(app: Any) -> None:
    """Raise once the broker hides a topic from the consumer of a Faust application.

    Faust asks aiokafka for records only, and only while it has partitions. It never sees the errors that aiokafka keeps
    for other calls, and waits for its partitions for ever.

    Args:
        app: starting or started.

    Raises:
        TopicAuthorizationFailedError: names the topics.
    """
    while True:
        await asyncio.sleep(TOPIC_CHECK_INTERVAL_S)
        client = app.consumer._thread._consumer
        if client is not None:  # it is made in a thread of its own
            topic_access.check_consumer(client)


STOP_TIMEOUT_S = 1.5
"""How long an application may take to stop in order."""

LEAVE_TIMEOUT_S = 0.5
"""How long its consumer may take before that to leave a group that it is joining."""

CLOSED_TIMEOUT_S = 0.5
"""How long it may then take to stop without its connections."""


class Stopped(NamedTuple):
    """How a Faust application stopped.

    Attributes:
        in_order: whether it and its threads ended by themselves.
        failed: whether it raised an error, other than one that comes from closing its connections.
    """

    in_order: bool
    failed: bool


async def stop_app(app: Any) -> Stopped:
    """Stop a Faust application within seconds. Errors of it are logged, so that they hide no earlier one.

    Its consumer first waits for a rebalance that is going on, or for a broker that hangs. Closing the connections ends
    these requests. A thread can also outlive the application: Faust only logs that it could not stop it.
    """
    if await _leave_while_joining(app):
        return Stopped(in_order=False, failed=False)  # there is nothing to commit, and Faust waits for its consumer
    stopping, closed = asyncio.ensure_future(app.stop()), False
    try:
        done, _ = await asyncio.wait([stopping], timeout=STOP_TIMEOUT_S)
        if not done:
            closed = True
            await _close_connections(app)
            done, _ = await asyncio.wait([stopping], timeout=CLOSED_TIMEOUT_S)
    finally:
        stopping.cancel()
    failure = stopping.exception() if done and not stopping.cancelled() else None
    if failure is not None:
        log.warning("Faust failed while it stopped: %s: %s", type(failure).__name__, failure, exc_info=failure)
    in_order = bool(done) and not stopping.cancelled() and failure is None
    worker = app.consumer._thread._thread
    return Stopped(in_order and (worker is None or not worker.is_alive()), failure is not None and not closed)


async def _leave_while_joining(app: Any) -> bool:
    """Let a consumer that is joining its group leave it, before Faust waits for the group; whether it was joining."""
    thread = app.consumer._thread
    client = getattr(thread, "_consumer", None)
    coordinator = getattr(client, "_coordinator", None)
    if client is not None and isinstance(coordinator, PatchedGroupCoordinator) and coordinator.is_joining:
        leaving = asyncio.run_coroutine_threadsafe(client.stop(), thread.thread_loop)
        await asyncio.wait([asyncio.wrap_future(leaving)], timeout=LEAVE_TIMEOUT_S)
        return True
    return False


async def _close_connections(app: Any) -> None:
    thread = app.consumer._thread
    if thread._consumer is not None:
        closing = thread._consumer._client.close()
        try:
            asyncio.run_coroutine_threadsafe(closing, thread.thread_loop)
        except RuntimeError:  # the thread has ended, and closed its loop
            closing.close()
    producer = getattr(app.producer, "_producer", None)
    if producer is not None:
        await producer.client.close()
