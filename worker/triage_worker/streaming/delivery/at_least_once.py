"""At least once: an idempotent producer, and commits of what the broker has.

Whatever goes wrong, all that is not acknowledged is sent again by a new producer, in the order it was first sent. A
repeat has the same event id.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import told
from triage_worker.kafka.client_compat.producer import abandon, halt
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.delivery.delivery import REFUSALS, send, until
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import Ledger, PartitionLedger
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)


class AtLeastOnce:
    """Publishes with one producer for all partitions and commits offsets by the consumer.

    Args:
        producer: makes a producer; it is not started.
        ledger: says what may be committed.
        dead_letters: makes what takes the place of an output that the broker refuses.
        acknowledge: is called with each output that the broker has.
        commit_interval_s: time between two commits.
        metrics: where commits are timed.
    """

    def __init__(
        self,
        producer: Callable[[], AIOKafkaProducer],
        ledger: Ledger[Output],
        dead_letters: DeadLetters,
        acknowledge: Callable[[Output], None],
        *,
        commit_interval_s: float,
        metrics: Metrics,
    ) -> None:
        self._producer = producer
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._acknowledge = acknowledge
        self._commit_interval_s = commit_interval_s
        self._metrics = metrics
        self._client: AIOKafkaConsumer | None = None
        self._outgoing: deque[Output] = deque()
        self._sent: dict[Output, asyncio.Future[Any]] = {}
        self._refused: list[Output] = []
        self._error: BaseException | None = None
        self._wake = asyncio.Event()
        self._moved_at = monotonic()
        self._alone = 0
        self._committing = asyncio.Lock()
        self._uncommitted = False
        self.problem: str | None = None

    @property
    def outstanding(self) -> int:
        return len(self._outgoing) + len(self._sent)

    @property
    def waiting_s(self) -> float:
        return monotonic() - self._moved_at if self.outstanding else 0.0

    def publish(self, outputs: Sequence[Output]) -> None:
        if not self.outstanding:
            self._moved_at = monotonic()
        self._outgoing.extend(outputs)
        self._wake.set()

    async def run(self) -> None:
        await asyncio.gather(self._publish_forever(), self._commit_forever())

    def assigned(self, client: AIOKafkaConsumer, ledgers: Iterable[PartitionLedger[Output]]) -> None:
        self._client = client

    async def settle(self) -> None:
        await until(lambda: self.outstanding == 0)
        await self._commit()

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """What is not sent yet is left out when its turn comes, since its ledger is closed."""

    async def _publish_forever(self) -> None:
        failures = 0
        while True:
            producer = self._producer()
            before = self._moved_at
            try:
                await producer.start()
                await self._send_all(producer)
            except KafkaError as error:
                failures = 0 if self._moved_at > before else failures + 1
                self.problem = told(error, "Write")
                log.warning("Publishing failed, sending again", extra={"error": self.problem, "failures": failures})
            finally:
                await abandon(producer)
            self._take_back()
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _send_all(self, producer: AIOKafkaProducer) -> None:
        """Send until something fails."""
        while True:
            while self._outgoing and self._error is None:
                await self._send_next(producer)
            if self._error is not None:
                raise self._error
            self._wake.clear()
            if not self._outgoing and self._error is None:
                await self._wake.wait()

    async def _send_next(self, producer: AIOKafkaProducer) -> None:
        output = self._outgoing[0]
        if output.ledger.active:
            try:
                future = await send(producer, output)
            except REFUSALS:
                self._refused.append(output)
                raise
            self._sent[output] = future
            future.add_done_callback(lambda done: self._delivered(producer, output, done))
            if self._alone > 0:
                self._alone -= 1
                await asyncio.wait([future])
        self._outgoing.popleft()

    def _delivered(self, producer: AIOKafkaProducer, output: Output, future: "asyncio.Future[Any]") -> None:
        error = KafkaError("given up") if future.cancelled() else future.exception()
        if self._sent.get(output) is not future:
            return
        if error is None:
            del self._sent[output]
            self._moved_at = monotonic()
            self.problem = None
            self._acknowledge(output)
            return
        if isinstance(error, REFUSALS):
            self._refused.append(output)
        if self._error is None:
            # At once, or what follows would overtake it: a broker takes the first batch of a producer with any sequence
            # number, so it would not miss one that it refused.
            halt(producer)
            self._error = error
            self._wake.set()

    def _take_back(self) -> None:
        """Queue again what was sent and not acknowledged, before what was not sent."""
        waiting = [*self._sent, *(output for output in self._outgoing if output not in self._sent)]
        self._outgoing = deque(output for output in waiting if output.ledger.active)
        self._sent.clear()
        if len(self._refused) > 1:
            # They may have been refused for their company in a batch: find out one by one.
            self._alone = len(self._outgoing)
        elif self._refused:
            self._replace(self._refused[0])
        self._refused.clear()
        self._error = None

    def _replace(self, refused: Output) -> None:
        replacement = self._dead_letters.refused(refused)
        if replacement is None:
            log.error("The broker refuses even an empty dead letter", extra={"topic": refused.topic})
            return
        self._outgoing = deque(replacement if output is refused else output for output in self._outgoing)

    async def _commit_forever(self) -> None:
        while True:
            await asyncio.sleep(self._commit_interval_s)
            await self._commit()

    async def _commit(self) -> None:
        async with self._committing:
            offsets = self._ledger.to_commit()
            if not offsets or self._client is None:
                return
            started = monotonic()
            try:
                await self._client.commit(offsets)
            except KafkaError as error:
                # The partitions were lost, or will be: their next owner goes on from what was committed before.
                if not self._uncommitted:
                    log.warning("Offsets are not committed", extra={"error": type(error).__name__})
                self._uncommitted = True
                return
            self._uncommitted = False
            self._ledger.committed(offsets)
            self._metrics.stage("commit", monotonic() - started)
