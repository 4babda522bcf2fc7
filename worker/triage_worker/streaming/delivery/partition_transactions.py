"""The transactions of one partition, by a producer of its own.

The transactional id belongs to the partition. Starting its producer fences the previous owner of the partition and ends
that owner's open transaction; `LastTransaction` decides what a broker left undecided. Only then is the committed offset
read, so that nobody can commit in between. After any error the partition starts over in the same way: what was in
flight is dropped and read again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTxnState, KafkaError, ProducerFenced
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.client_compat.transactions import lengthening_backoff, raising_transaction_error
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.delivery.last_transaction import LastTransaction
from triage_worker.streaming.delivery.sending import REFUSALS, RETRY, resend_after_refusal, send_output
from triage_worker.streaming.delivery.transaction_pace import TransactionPace
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

IDLE_S = 2.0
"""A partition without messages for so long commits its position, if that is behind offsets without messages."""

UNRELATED_AFTER_S = 10.0
"""A failure older than this, with nothing to publish since, has nothing to do with the next one."""


@dataclass(frozen=True, slots=True)
class TransactionConfig:
    """What the transactions of all partitions have in common.

    Attributes:
        producer: makes a producer for a transactional id; it is not started.
        group: the consumer group that offsets are committed for.
        prefix: of the transactional ids.
        topics: that outputs are published to.
        pace: for how long outputs are collected for one transaction.
        rejoin_s: for how many seconds a fenced worker waits until the group revokes the partition.
    """

    producer: Callable[[str], AIOKafkaProducer]
    group: str
    prefix: str
    topics: Sequence[str]
    pace: TransactionPace
    rejoin_s: float

    def transactional_id(self, partition: TopicPartition) -> str:
        """The id of a partition, the same for every worker."""
        return f"{self.prefix}-{self.group}-{partition.topic}-{partition.partition}"


class _ReplaceProducer(Exception):  # noqa: N818 (a signal, not an error)
    """The producer must be replaced, and what is queued is sent again."""


class PartitionTransactions:
    """Publishes the outputs of one partition and its offsets, for as long as it is assigned.

    Args:
        config: what all partitions have in common.
        partition: an assigned partition, which is paused.
        in_flight: where outputs are acknowledged.
        dead_letters: makes the replacement of an output that the broker refuses.
        requests: where the consumer is asked to restart or resume the partition.
        metrics: where transactions are counted.
    """

    def __init__(
        self,
        config: TransactionConfig,
        partition: TopicPartition,
        in_flight: InFlightMessages,
        dead_letters: DeadLetters,
        requests: "asyncio.Queue[PartitionRequest]",
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._partition = partition
        self._in_flight = in_flight
        self._dead_letters = dead_letters
        self._requests = requests
        self._metrics = metrics
        self._last = LastTransaction(config.topics, config.group, partition)
        self._outgoing: deque[Output] = deque()
        self._sent: list[Output] = []
        self._wake = asyncio.Event()
        self._flush = asyncio.Event()
        self._singly = 0
        self._committed: int | None = None
        self._progress_at = monotonic()
        self._failures = 0
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self.resumed_before = self._reading = False
        self.error: KafkaError | None = None
        self._task = asyncio.create_task(self._run(), name=f"transactions-{partition.topic}-{partition.partition}")

    @property
    def outstanding(self) -> int:
        """Outputs that are not committed."""
        return len(self._outgoing) + len(self._sent)

    @property
    def waiting_s(self) -> float:
        """For how many seconds nothing could be committed or read, while there was something to do."""
        if self._reading and not self.outstanding:
            return 0.0
        return monotonic() - (self._progress_at if self._failing_since is None else self._failing_since)

    @property
    def problem(self) -> str | None:
        """What ended the last transaction; None once a transaction is committed."""
        return None if self.error is None else describe_error(self.error, "Write")

    def queue(self, outputs: Sequence[Output]) -> None:
        """Add outputs, in offset order."""
        if not self.outstanding:
            self._progress_at = monotonic()
            if self._progress_at - self._failed_at > UNRELATED_AFTER_S:
                self._failing_since = None
        self._outgoing.extend(outputs)
        self._wake.set()

    def flush(self) -> None:
        """Commit what there is now, and from now on without waiting for more: the partition is about to be revoked."""
        self._flush.set()  # never cleared: flushes only come before a revocation or the end of the process

    def raise_if_ended(self) -> None:
        """Raise the unexpected error that ended the work on this partition, if one did."""
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    def cancel(self) -> "asyncio.Task[None]":
        """Stop the work on this partition; the returned task ends when its producer is closed."""
        self._task.cancel()
        return self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._start_over()
            except ProducerFenced as error:
                # Another worker has the partition, or the transaction took longer than the broker allows. If the
                # former, the group revokes the partition within a heartbeat, which cancels this task.
                log.warning("Fenced: the partition is dropped and, if still assigned, read again", extra=self._source())
                await self._fail(error, "fenced")
                await asyncio.sleep(self._config.rejoin_s)
            except KafkaError as error:
                extra = {**self._source(), "error": describe_error(error, "Write")}
                log.warning("A transaction failed: the partition is read again", extra=extra)
                await self._fail(error, "aborted")
                await asyncio.sleep(RETRY.delay_s(self._failures))

    async def _fail(self, error: KafkaError, result: Literal["fenced", "aborted"]) -> None:
        self._metrics.transaction(result)
        self._failures += 1
        self._failed_at = monotonic()
        if self._failing_since is None:
            self._failing_since = self._failed_at
        self.error = error
        self._reading = False
        await self._request("pause")  # records that are read now would be dropped

    async def _start_over(self) -> None:
        """Drop what is in flight, fence the previous owner, read from the committed offset, commit until an error."""
        await self._request("restart")
        self._outgoing.clear()
        self._sent.clear()
        transactional_id = self._config.transactional_id(self._partition)
        producer = self._config.producer(transactional_id)
        try:
            async with self._config.pace.starting():
                await self._last.start(producer)
            self._committed = await self._request("resume")
            self.resumed_before = self._reading = True
            while True:
                try:
                    with raising_transaction_error(producer):
                        await self._transaction(producer)
                        await self._last.check()
                except _ReplaceProducer:
                    with raising_transaction_error(producer):
                        await producer.abort_transaction()
                    await abandon(producer)
                    producer = self._config.producer(transactional_id)
                    if await self._last.start(producer):
                        raise KafkaError("A broker left a transaction undecided") from None
        finally:
            await abandon(producer)

    async def _request(self, action: Literal["pause", "restart", "resume"]) -> int | None:
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._requests.put_nowait(PartitionRequest(self._partition, action, done))
        return await done

    async def _transaction(self, producer: AIOKafkaProducer) -> None:
        await self._collect()
        await producer.begin_transaction()
        with lengthening_backoff(producer):
            futures = await self._send(producer)
            await self._wait_for_records(futures)
            offset = self._sent[-1].offset + 1 if self._sent else self._passed()
            if offset is not None:
                await producer.send_offsets_to_transaction({self._partition: offset}, self._config.group)
            await producer.commit_transaction()
        self._metrics.transaction("committed")
        if offset is not None:
            self._committed = offset
        self._progress_at = monotonic()
        self._failures, self._failing_since, self.error = 0, None, None
        for output in self._sent:
            self._in_flight.acknowledge(output)
        self._sent.clear()

    async def _collect(self) -> None:
        """Wait for an output, and then for more outputs within the interval; or until only a position can be committed.

        Consumers read outputs only after the commit, so sending them one by one gains nothing. Sent together they cost
        one request instead of many, and the transaction is open for milliseconds.
        """
        while not self._outgoing:
            self._wake.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()
            except TimeoutError:
                if self._passed() is not None:
                    return
        if not self._singly:
            with self._config.pace.gathering() as interval_s, suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await self._flush.wait()

    def _passed(self) -> int | None:
        """The position to commit, if it is behind the last commit: what is between is no message.

        The marker of a transaction, for example: without this commit, it would count as lag for ever.
        """
        if self._partition not in self._in_flight.offsets:
            return None
        tracker = self._in_flight.offsets[self._partition]
        position = tracker.committable
        # Never backwards: after an uncertain commit, the position may still be the one before it.
        behind = position is None or (self._committed is not None and position <= self._committed)
        return None if tracker.in_flight or behind else position

    async def _send(self, producer: AIOKafkaProducer) -> "list[asyncio.Future[Any]]":
        futures: list[asyncio.Future[Any]] = []
        while self._outgoing:
            output = self._outgoing.popleft()
            if not output.tracker.active:
                continue
            self._sent.append(output)
            try:
                futures.append(await send_output(producer, output))
            except REFUSALS:
                self._requeue([output])
                raise _ReplaceProducer from None
            if self._singly > 0:
                self._singly -= 1
                break
        return futures

    async def _wait_for_records(self, futures: "Sequence[asyncio.Future[Any]]") -> None:
        """Wait for each record: aiokafka commits a transaction whose records failed."""
        results = await asyncio.gather(*futures, return_exceptions=True)
        refused = [output for output, result in zip(self._sent, results, strict=True) if isinstance(result, REFUSALS)]
        if refused:
            self._requeue(refused)
            raise _ReplaceProducer
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            # A topic that may not be written spoils the transaction for records of others, which only say so.
            raise min(errors, key=lambda error: isinstance(error, InvalidTxnState))

    def _requeue(self, refused: Sequence[Output]) -> None:
        outputs, self._singly = resend_after_refusal(self._sent, refused, self._singly, self._dead_letters)
        self._sent.clear()
        self._outgoing.extendleft(reversed(outputs))

    def _source(self) -> dict[str, object]:
        return {"topic": self._partition.topic, "partition": self._partition.partition}
