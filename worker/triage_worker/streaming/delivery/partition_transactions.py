"""The transactions of one partition, by a producer of its own.

The transactional id belongs to the partition. Starting its producer fences whoever held the partition before and ends
their open transaction; only then is the committed offset read, so that nobody can commit in between. When anything
fails, the partition begins anew in the same way: what was in flight is dropped and read again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import told
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transactions import lengthening_backoff, raising_transaction_error
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import REFUSALS, send
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Ledger
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
LONG_AGO_S = 10.0
"""A failure that is older, with nothing to publish since, is another trouble than the next one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all partitions share.

    Attributes:
        producer: makes a producer for a transactional id; it is not started.
        group: the consumer group that offsets are committed for.
        prefix: what the transactional ids begin with.
        dead_letters: makes what takes the place of an output that the broker refuses.
        acknowledge: is called with each output of a committed transaction.
        interval_s: how long outputs are collected for one transaction.
        rejoin_s: how long a fenced worker waits for the group to tell it that the partition is lost.
        metrics: where transactions are counted.
    """

    producer: Callable[[str], AIOKafkaProducer]
    group: str
    prefix: str
    dead_letters: DeadLetters
    acknowledge: Callable[[Output], None]
    interval_s: float
    rejoin_s: float
    metrics: Metrics

    def transactional_id(self, partition: TopicPartition) -> str:
        """One id a partition, whoever works on it."""
        return f"{self.prefix}-{self.group}-{partition.topic}-{partition.partition}"


class _Again(Exception):  # noqa: N818 (a signal, not an error)
    """The producer must be replaced; what was sent goes out again as it is now queued."""


class Lane:
    """The transactions of one partition, for as long as it is assigned."""

    def __init__(
        self, terms: Terms, ledger: Ledger[Output], client: AIOKafkaConsumer, partition: TopicPartition
    ) -> None:
        self._terms = terms
        self._ledger = ledger
        self._client = client
        self._partition = partition
        self._outgoing: deque[Output] = deque()
        self._sent: list[Output] = []
        self._wake = asyncio.Event()
        self._hurried = asyncio.Event()
        self._alone = 0
        self._moved_at = monotonic()
        self._failures = 0
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self.begun = self.reading = False
        self.error: KafkaError | None = None
        self._task = asyncio.create_task(self._run(), name=f"transactions-{partition.partition}")

    @property
    def outstanding(self) -> int:
        return len(self._outgoing) + len(self._sent)

    @property
    def waiting_s(self) -> float:
        if self.reading and not self.outstanding:
            return 0.0
        return monotonic() - (self._moved_at if self._failing_since is None else self._failing_since)

    @property
    def problem(self) -> str | None:
        """What ended the last transaction, until one is committed."""
        return None if self.error is None else told(self.error, "Write")

    def publish(self, outputs: Sequence[Output]) -> None:
        if not self.outstanding:
            self._moved_at = monotonic()
            if self._moved_at - self._failed_at > LONG_AGO_S:
                self._failing_since = None  # not the same trouble: there was nothing to do in between
        self._outgoing.extend(outputs)
        self._wake.set()

    def hurry(self) -> None:
        """Commit what there is now, and wait for no more."""
        self._hurried.set()

    def check(self) -> None:
        """Raise what ended the lane's task, if anything did."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    def cancel(self) -> "asyncio.Task[None]":
        """End the lane's work, of which nothing more happens once this returns but the closing of its producer."""
        self._task.cancel()
        return self._task

    async def _run(self) -> None:
        while True:
            try:
                self._drop()
                await self._begin_anew()
            except ProducerFenced as error:
                # Somebody else has the partition, or our transaction took longer than the broker waits. The group
                # tells us within a heartbeat if it is the former; this task is then cancelled.
                self._failed(error, "fenced")
                log.warning("Fenced: the partition is dropped and, if still ours, read again", extra=self._about())
                await asyncio.sleep(self._terms.rejoin_s)
            except KafkaError as error:
                self._failed(error, "aborted")
                extra = {**self._about(), "error": self.problem}
                log.warning("A transaction failed: the partition is read again", extra=extra)
                await asyncio.sleep(BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1])

    def _failed(self, error: KafkaError, how: str) -> None:
        self._terms.metrics.transaction(how)
        self._failures += 1
        self._failed_at = monotonic()
        if self._failing_since is None:
            self._failing_since = self._failed_at
        self.error = error
        self._client.pause(self._partition)  # what would be read now would be dropped
        self.reading = False

    async def _begin_anew(self) -> None:
        """Fence, go to the committed offset, and work until something fails."""
        producer = self._terms.producer(self._terms.transactional_id(self._partition))
        try:
            await producer.start()
            await self._go_to_committed()
            while True:
                try:
                    with raising_transaction_error(producer):
                        await self._transaction(producer)
                except _Again:
                    with raising_transaction_error(producer):
                        await producer.abort_transaction()
                    await abandon(producer)
                    producer = self._terms.producer(self._terms.transactional_id(self._partition))
                    await producer.start()
        finally:
            await abandon(producer)

    async def _go_to_committed(self) -> None:
        offset = await self._client.committed(self._partition)
        if offset is not None:
            self._client.seek(self._partition, offset)
        self._client.resume(self._partition)
        self.begun = self.reading = True

    def _drop(self) -> None:
        """Forget what is in flight; it is read again from the committed offset, or by the partition's next owner."""
        begun = self._ledger[self._partition].committable
        self._terms.metrics.given_back(self._ledger.revoke([self._partition]))
        self._ledger.assign(self._partition)
        self._outgoing.clear()
        self._sent.clear()
        if begun is not None:
            self._client.seek(self._partition, begun)  # holds where nothing was ever committed

    async def _transaction(self, producer: AIOKafkaProducer) -> None:
        await self._collect()
        await producer.begin_transaction()
        with lengthening_backoff(producer):
            futures = await self._send(producer)
            await self._all_taken(futures)
            if self._sent:
                offset = self._sent[-1].offset + 1
                await producer.send_offsets_to_transaction({self._partition: offset}, self._terms.group)
            await producer.commit_transaction()
        self._terms.metrics.transaction("committed")
        self._moved_at = monotonic()
        self._failures, self._failing_since, self.error = 0, None, None
        for output in self._sent:
            self._terms.acknowledge(output)
        self._sent.clear()

    async def _collect(self) -> None:
        """Wait for an output, and then for what else comes within the interval.

        Nobody may read them before the commit, so nothing is gained by sending them one by one; sent together they
        cost one request in place of many, and the transaction is open for moments.
        """
        while not self._outgoing:
            self._wake.clear()
            await self._wake.wait()
        if not self._alone:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._terms.interval_s):
                    await self._hurried.wait()

    async def _send(self, producer: AIOKafkaProducer) -> "list[asyncio.Future[Any]]":
        futures: list[asyncio.Future[Any]] = []
        while self._outgoing:
            output = self._outgoing.popleft()
            if not output.ledger.active:
                continue
            self._sent.append(output)
            try:
                futures.append(await send(producer, output))
            except REFUSALS:
                self._queue_again([output])
                raise _Again from None
            if self._alone > 0:
                self._alone -= 1
                break
        return futures

    async def _all_taken(self, futures: "Sequence[asyncio.Future[Any]]") -> None:
        """Wait for the records themselves: aiokafka commits a transaction whose records failed."""
        results = await asyncio.gather(*futures, return_exceptions=True)
        refused = [output for output, result in zip(self._sent, results, strict=True) if isinstance(result, REFUSALS)]
        if refused:
            self._queue_again(refused)
            raise _Again
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _queue_again(self, refused: Sequence[Output]) -> None:
        again = list(self._sent)
        self._sent.clear()
        if len(refused) > 1:
            # They may have been refused for their company in a batch: find out one by one.
            self._alone = len(again)
        else:
            replacement = self._terms.dead_letters.refused(refused[0])
            if replacement is None:
                log.error("The broker refuses even an empty dead letter", extra=self._about())
            again = [replacement if output is refused[0] and replacement else output for output in again]
        self._outgoing.extendleft(reversed(again))

    def _about(self) -> dict[str, object]:
        return {"topic": self._partition.topic, "partition": self._partition.partition}
