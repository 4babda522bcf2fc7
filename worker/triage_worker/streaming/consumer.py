"""Reads topics as a member of a consumer group: joining, polling, rebalances, restarts.

A rebalance takes some of the partitions, while the others are read on (`client_compat.cooperative_group`); or all of
them, as aiokafka does by itself: where the group has removed this member, has one of an earlier version, or reads other
topics now. Heartbeats continue in the background.

aiokafka treats a consumer that does not poll for `max_poll_interval_ms` as dead and leaves the group, so a service
whose messages take long goes on polling without taking records.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.authorization import REFUSED, describe_error, refusal
from triage_worker.kafka.client_compat.consumer_group import stop_consumer
from triage_worker.kafka.client_compat.metadata import broker_count, positions
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.delivery.delivery import Delivery
from triage_worker.streaming.draining import Draining
from triage_worker.streaming.hand_over import HandOver
from triage_worker.streaming.offset_commits import OffsetCommitter
from triage_worker.streaming.partition_control import PartitionControl
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.signals import StoppedError, unless_stopped
from triage_worker.streaming.subscription import TopicSubscription
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords

log = logging.getLogger(__name__)

POLL_MS = 200
POLL_RECORDS = 512
MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
RETRY = FixedDelays((0.2, 1.0, 2.0, 5.0, 10.0))

ROOM_SHARE, ROOM_WAIT_S = 8, 1.0
"""The consumer waits until this part of what may be in flight is free, and then polls for many records at once; but not
longer than that, since messages that take long must not keep others from being read."""

POSITIONS_S = 0.5
"""Time between two looks at the positions."""

HEALTHY_AFTER_S = 3.0
"""A consumer that failed counts as healthy again after polling for this long, or after its first record: a missing
right to read shows only in the first fetch."""


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """Limits of a consumer.

    Attributes:
        max_in_flight: messages read and not yet acknowledged.
        touch_s: longest pause between two polls, in seconds; well below the poll interval.
        revoke_timeout_s: longest wait for what is in flight when partitions are revoked.
    """

    max_in_flight: int
    touch_s: float
    revoke_timeout_s: float


class Consumer(ConsumerRebalanceListener):
    """Reads topics, hands the records to the processor, and commits.

    Args:
        client: makes an aiokafka consumer, not started and without a topic.
        topics: what to read.
        in_flight: where records are tracked.
        processor: takes the records.
        delivery: notified of assignments; asked to flush before partitions are handed over.
        committer: commits offsets, unless the delivery does.
        config: limits.
        metrics: where rebalances are timed.
    """

    def __init__(
        self,
        client: Callable[[], AIOKafkaConsumer],
        topics: TopicSelection,
        in_flight: InFlightMessages,
        processor: MessageProcessor,
        delivery: Delivery,
        committer: OffsetCommitter,
        config: ConsumerConfig,
        metrics: Metrics,
    ) -> None:
        self._make_client = client
        self._subscription = TopicSubscription(topics)
        self._no_partition = TopicPartition(str(topics), -1)
        self._in_flight = in_flight
        self._processor = processor
        self._delivery = delivery
        self._committer = committer
        self._control = PartitionControl(delivery.requests, in_flight)
        self._hand_over = HandOver(in_flight, processor, config.revoke_timeout_s)
        self._config = config
        self._least_room = min(POLL_RECORDS, max(1, config.max_in_flight // ROOM_SHARE))
        self._metrics = metrics
        self._revoked_at: float | None = None
        self._ever_assigned = self.assigned = False
        self._assigned_at = self._positions_at = self._fetched_at = 0.0
        self.client: AIOKafkaConsumer | None = None
        self.polled_at = monotonic()
        self.problem: str | None = None

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Read until `stop` is set, then finish what is in flight, commit and leave the group.

        Args:
            stop: ends the work.
            drain_s: longest wait for what is in flight then, in seconds.

        Raises:
            ConfigError: the user may not read the topic or join the group.
        """
        failures = 0
        while not stop.is_set():
            started = monotonic()
            try:
                await self._session(stop, drain_s)
            except KafkaError as error:
                self.problem = describe_error(error, "Read")
                if isinstance(error, REFUSED) and not self._ever_assigned:
                    raise refusal(error, "Read") from error
            else:
                continue
            failures = failures + 1 if monotonic() - started < RETRY.longest_s else 1
            log.warning("The consumer failed and is restarted", extra={"error": self.problem, "failures": failures})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY.delay_s(failures)):
                    await stop.wait()

    @property
    def keeps_partitions(self) -> bool:
        """Whether partitions may stay over a rebalance. If some are not served, all are assigned anew."""
        return self._delivery.shortage is None

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Release partitions after a commit. If these are all, what is queued is dropped, and what is running finished.

        If others stay, these are not read any more: what is in flight of them is finished beside the others.
        """
        partitions = list(revoked)
        self._revoked_at = monotonic()
        if self._hand_over.leaves_some(partitions):
            await self._hand_over.finish_some(partitions, self._commit)
        else:
            self.assigned = False
            self._processor.pause()
            if partitions:
                await self._hand_over.finish_all(self.flush_and_commit)
        if partitions:
            await self._release(partitions)
            log.info("Partitions revoked", extra=_named(partitions))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start tracking the partitions that were added, and continue."""
        if self.client is None:
            return  # leaving the group
        added = sorted(assigned)
        for partition in added:
            self._in_flight.offsets.assign(partition)
        if added and self._delivery.commits_offsets:
            self.client.pause(*added)  # before the first fetch: each is resumed once it is fenced
        if added or not self.assigned:
            self._delivery.assign(added, brokers=broker_count(self.client))
        self._processor.resume()
        if added or self._revoked_at is not None:
            self._metrics.rebalanced(0.0 if self._revoked_at is None else monotonic() - self._revoked_at)
        self._revoked_at = None
        self.assigned = self._ever_assigned = True
        self._assigned_at = monotonic()
        self._subscription.look_now()  # another member may have found a topic
        log.info("Partitions assigned", extra=_named(tracker.partition for tracker in self._in_flight.offsets))

    async def _session(self, stop: asyncio.Event, drain_s: float) -> None:
        """The life of one client: from joining the group to leaving it."""
        self.client = client = self._make_client()
        helpers = [asyncio.create_task(self._control.run(client), name="partition-control")]
        if not self._delivery.commits_offsets:
            helpers.append(asyncio.create_task(self._committer.run(client), name="commits"))
        try:
            with contextlib.suppress(StoppedError):
                await unless_stopped(stop, client.start())
                await unless_stopped(stop, self._subscription.start(client))
                helpers.append(asyncio.create_task(self._subscription.run(client), name="topics"))
                while not stop.is_set():
                    await self._subscribe(client)
                    await self._poll(client, stop)
                    _raise_if_ended(helpers)
            log.info("Draining", extra={"in_flight": self._in_flight.offsets.in_flight})
            await Draining(self._in_flight, self._processor, self._delivery, drain_s).run(self._commit)
        finally:
            self.assigned = False
            await self._leave(client, helpers)

    async def _subscribe(self, client: AIOKafkaConsumer) -> None:
        """Subscribe to the topics there are now, if they are others than before.

        Partitions are released first: aiokafka forgets its assignment with its subscription, and then commits nothing.
        """
        topics = self._subscription.changed()
        if topics is None:
            return
        if assigned := client.assignment():
            await self.on_partitions_revoked(assigned)
        if topics:
            client.subscribe(topics, listener=self)
        else:
            client.unsubscribe()

    async def _poll(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        self.polled_at = monotonic()
        if not self._subscription.topics:
            self.problem = self._subscription.problem(client)
            await asyncio.sleep(POLL_MS / 1_000)
            return
        room = self._room()
        if room <= 0 or (room < self._least_room and monotonic() - self._fetched_at < ROOM_WAIT_S):
            await unless_stopped(stop, self._wait_for_room(client))
            return
        # aiokafka's poll lasts as long as a rebalance, and can be cancelled: until it returns, no record is taken.
        tracked = await unless_stopped(stop, self._fetch(client, min(room, POLL_RECORDS)))
        if tracked or (self.assigned and monotonic() - self._assigned_at > HEALTHY_AFTER_S):
            self.problem = self._subscription.problem(client)
        if tracked:
            await self._processor.process(tracked)

    async def _fetch(self, client: AIOKafkaConsumer, max_records: int) -> list[TrackedRecords]:
        """Poll and track what was fetched, in one task: their partitions could be revoked if it were two."""
        fetched = await client.getmany(timeout_ms=POLL_MS, max_records=max_records)
        self._fetched_at = monotonic()
        # There must be no await here: an untracked record would be lost.
        tracked = [self._in_flight.track(*batch) for batch in fetched.items()]
        if monotonic() - self._positions_at > POSITIONS_S:
            self._positions_at = monotonic()
            self._in_flight.offsets.reach(positions(client))
        return tracked

    def _room(self) -> int:
        if self._in_flight.offsets.in_flight_bytes > MAX_BYTES_IN_FLIGHT:
            return 0
        return self._config.max_in_flight - self._in_flight.offsets.in_flight

    async def _wait_for_room(self, client: AIOKafkaConsumer) -> None:
        try:
            async with asyncio.timeout(min(self._config.touch_s, ROOM_WAIT_S)):
                while self._room() < self._least_room:
                    await self._in_flight.acknowledged()
        except TimeoutError:
            # A poll of a partition that is not assigned returns nothing, and counts as a poll.
            await client.getmany(self._no_partition, timeout_ms=0)

    async def flush_and_commit(self) -> None:
        """Wait until everything published so far is acknowledged, and commit it."""
        await self._delivery.flush()
        await self._commit()

    async def _commit(self) -> None:
        if not self._delivery.commits_offsets and self.client is not None:
            await self._committer.commit(self.client)

    async def _release(self, partitions: Iterable[TopicPartition]) -> None:
        self._in_flight.revoke(partitions)
        self._metrics.forget_lag()
        await self._delivery.revoke(partitions)

    async def _leave(self, client: AIOKafkaConsumer, helpers: "Iterable[asyncio.Task[None]]") -> None:
        self._processor.pause()
        releasing = asyncio.ensure_future(self._release([tracker.partition for tracker in self._in_flight.offsets]))
        self.client = None
        for helper in helpers:
            helper.cancel()
        # Both at once: where a broker hangs, closing the producers takes too long for the other members to wait.
        left, _ = await asyncio.gather(stop_consumer(client), releasing)
        if not left:
            log.warning("The consumer could not leave its group in time")


def _raise_if_ended(tasks: "Iterable[asyncio.Task[None]]") -> None:
    for task in tasks:
        if task.done():
            task.result()


def _named(partitions: Iterable[TopicPartition]) -> dict[str, object]:
    topics: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        topics.setdefault(topic, []).append(number)
    return {"partitions": sorted(number for numbers in topics.values() for number in numbers), "topics": topics}
