"""The consumer's life: joining the group, polling as far as there is room, handing partitions over, starting again.

aiokafka rebalances eagerly: all partitions are revoked and assigned anew, while heartbeats go on in the background. It
counts a consumer that does not poll for `max_poll_interval_ms` as dead and leaves the group, so a worker whose model
is slow goes on polling, for nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import REFUSED, refusal, told
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import Delivery, until
from triage_worker.streaming.processor import Station

log = logging.getLogger(__name__)

POLL_MS = 200
POLL_RECORDS = 512
MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024
BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0)
STOP_TIMEOUT_S = 10.0

PROVEN_S = 3.0
"""A consumer that failed counts as well again when it has polled for so long, or has got something: a right to read
that is missing is only told by the first fetch."""


class Consumer(ConsumerRebalanceListener):
    """Reads one topic as a member of the group.

    Args:
        client: makes an aiokafka consumer, not started and without a topic.
        topic: what to read.
        station: takes the records.
        delivery: publishes and commits.
        max_in_flight: messages read and not yet acknowledged.
        touch_s: longest pause between two polls, well below the poll interval.
        hand_over_s: longest wait for what is in flight when partitions are revoked.
        metrics: where rebalances are counted.
    """

    def __init__(
        self,
        client: Callable[[], AIOKafkaConsumer],
        topic: str,
        station: Station,
        delivery: Delivery,
        *,
        max_in_flight: int,
        touch_s: float,
        hand_over_s: float,
        metrics: Metrics,
    ) -> None:
        self._make_client = client
        self._topic = topic
        self._nowhere = TopicPartition(topic, -1)
        self._station = station
        self._ledger = station.ledger
        self._delivery = delivery
        self._max_in_flight = max_in_flight
        self._touch_s = touch_s
        self._hand_over_s = hand_over_s
        self._metrics = metrics
        self._revoked_at: float | None = None
        self._ever_assigned = False
        self._assigned_at = 0.0
        self.client: AIOKafkaConsumer | None = None
        self.assigned = False
        self.turned_at = monotonic()
        self.problem: str | None = None

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Work until told to stop, then finish what is in flight, commit and leave the group.

        Raises:
            ConfigError: the user may not read the topic or join the group.
        """
        failures = 0
        while not stop.is_set():
            started = monotonic()
            try:
                await self._session(stop, drain_s)
            except KafkaError as error:
                self.problem = told(error, "Read")
                if isinstance(error, REFUSED) and not self._ever_assigned:
                    raise refusal(error, "Read") from error
            else:
                continue
            failures = failures + 1 if monotonic() - started < BACKOFF_S[-1] else 1
            log.warning("The consumer failed and starts again", extra={"error": self.problem, "failures": failures})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]):
                    await stop.wait()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish what runs, drop what waits, commit, hand over."""
        partitions = list(revoked)
        self.assigned = False
        self._revoked_at = monotonic()
        self._station.hold()
        if partitions:
            await self._finish(lambda: self._station.idle, self._hand_over_s)
            await self._let_go(partitions)
            log.info("Partitions revoked", extra={"partitions": _numbers(partitions)})

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open the books of the partitions and go on."""
        if self.client is None:
            return  # already leaving
        ledgers = [self._ledger.assign(partition) for partition in sorted(assigned)]
        self._delivery.assigned(self.client, ledgers)
        self._station.resume()
        if self._revoked_at is not None:
            self._metrics.rebalanced(monotonic() - self._revoked_at)
        self.assigned = self._ever_assigned = True
        self._assigned_at = monotonic()
        log.info("Partitions assigned", extra={"partitions": _numbers(ledger.partition for ledger in ledgers)})

    async def _session(self, stop: asyncio.Event, drain_s: float) -> None:
        self.client = client = self._make_client()
        try:
            await client.start()
            client.subscribe([self._topic], listener=self)
            while not stop.is_set():
                await self._poll(client)
            log.info("Draining", extra={"in_flight": self._ledger.in_flight})
            await self._finish(lambda: self._ledger.in_flight == 0, drain_s)
        finally:
            self.assigned = False
            await self._leave(client)

    async def _poll(self, client: AIOKafkaConsumer) -> None:
        self.turned_at = monotonic()
        room = self._room()
        if room <= 0:
            await self._wait_for_room(client)
            return
        # Nothing may come between the poll and the books: a record that is not in them would be lost.
        fetched = await client.getmany(timeout_ms=POLL_MS, max_records=min(room, POLL_RECORDS))
        if fetched or (self.assigned and monotonic() - self._assigned_at > PROVEN_S):
            self.problem = None if client.partitions_for_topic(self._topic) else f"there is no topic {self._topic}"
        if fetched:
            await self._station.accept(fetched)

    def _room(self) -> int:
        if self._ledger.in_flight_bytes > MAX_BYTES_IN_FLIGHT:
            return 0
        return self._max_in_flight - self._ledger.in_flight

    async def _wait_for_room(self, client: AIOKafkaConsumer) -> None:
        try:
            async with asyncio.timeout(min(self._touch_s, 1.0)):
                await self._station.progress()
        except TimeoutError:
            # Asking for a partition that is not ours gives nothing, and counts as a poll.
            await client.getmany(self._nowhere, timeout_ms=0)

    async def _finish(self, done: Callable[[], bool], limit_s: float) -> None:
        """Wait, but not forever, until nothing runs, and what is published is acknowledged and committed."""
        try:
            async with asyncio.timeout(limit_s):
                await until(done)
                await self._delivery.settle()
        except TimeoutError:
            log.warning("Not all was finished in time; it is read again", extra={"in_flight": self._ledger.in_flight})

    async def _let_go(self, partitions: Iterable[TopicPartition]) -> None:
        given_back = self._ledger.revoke(partitions)
        self._metrics.given_back(given_back)
        self._metrics.forget_lag()
        await self._delivery.revoked(partitions)

    async def _leave(self, client: AIOKafkaConsumer) -> None:
        self._station.hold()
        await self._let_go([ledger.partition for ledger in self._ledger])
        self.client = None
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await client.stop()
        except (KafkaError, TimeoutError) as error:
            log.warning("The consumer could not leave its group properly", extra={"error": repr(error)})


def _numbers(partitions: Iterable[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)
