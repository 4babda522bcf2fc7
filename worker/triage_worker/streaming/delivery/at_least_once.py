"""At-least-once delivery by one idempotent producer for all partitions.

After any error, everything that is not acknowledged is sent again by a new producer, in the order in which it was first
sent. A repeated event has the same event id.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import describe_error
from triage_worker.kafka.client_compat.producer import abandon, halt
from triage_worker.resilience.tasks import run_together, wait_until
from triage_worker.streaming.delivery.delivery import PartitionRequest
from triage_worker.streaming.delivery.sending import REFUSALS, RETRY, resend_after_refusal, send_output
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

BUSY_MESSAGES = 512
"""From so many messages in flight on, nobody waits for a single one of them."""

GATHER_S = 0.02
"""How long outputs are gathered then, so that fewer requests carry more of them."""


class AtLeastOnce:
    """Publishes outputs; the consumer commits the offsets of those that are acknowledged.

    Args:
        producer: makes a producer; it is not started.
        in_flight: where outputs come from, and where they are acknowledged.
        dead_letters: makes the replacement of an output that the broker refuses.
    """

    commits_offsets = False
    shortage: str | None = None

    def __init__(
        self, producer: Callable[[], AIOKafkaProducer], in_flight: InFlightMessages, dead_letters: DeadLetters
    ) -> None:
        self._producer = producer
        self._in_flight = in_flight
        self._dead_letters = dead_letters
        self.requests: asyncio.Queue[PartitionRequest] = asyncio.Queue()
        self._outgoing: deque[Output] = deque()
        self._sent: dict[Output, asyncio.Future[Any]] = {}
        self._refused: list[Output] = []
        self._error: BaseException | None = None
        self._wake = asyncio.Event()
        self._progress_at = monotonic()
        self._singly = 0
        self.problem: str | None = None

    @property
    def outstanding(self) -> int:
        """Outputs that wait to be queued, to be sent or to be acknowledged."""
        return self._in_flight.released + self._unacknowledged

    @property
    def waiting_s(self) -> float:
        """Seconds since the last acknowledgement, or since the first output was queued; 0 if none is queued or sent."""
        return monotonic() - self._progress_at if self._unacknowledged else 0.0

    @property
    def _unacknowledged(self) -> int:
        return len(self._outgoing) + len(self._sent)

    async def run(self) -> None:
        """Queue outputs and publish them until cancelled; after an error, with a new producer."""
        await run_together(self._receive_forever(), self._publish_forever())

    def assign(self, partitions: Collection[TopicPartition], *, brokers: int) -> None:
        """One producer serves all partitions, so there is nothing to begin."""

    async def flush(self) -> None:
        """Wait until the broker has acknowledged all outputs."""
        await wait_until(lambda: self.outstanding == 0)

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Outputs that are not sent yet are skipped when their turn comes, since their tracker is closed."""

    async def _receive_forever(self) -> None:
        while True:
            self._queue(await self._in_flight.take())
            if self._in_flight.offsets.in_flight >= BUSY_MESSAGES:
                await asyncio.sleep(GATHER_S)

    def _queue(self, outputs: Sequence[Output]) -> None:
        if not self._unacknowledged:
            self._progress_at = monotonic()
        self._outgoing.extend(outputs)
        self._wake.set()

    async def _publish_forever(self) -> None:
        failures = 0
        while True:
            producer = self._producer()
            before = self._progress_at
            try:
                await producer.start()
                await self._send_all(producer)
            except KafkaError as error:
                failures = 1 if self._progress_at > before else failures + 1
                self.problem = describe_error(error, "Write")
                log.warning("Publishing failed and is retried", extra={"error": self.problem, "failures": failures})
            finally:
                await abandon(producer)
            self._requeue()
            await asyncio.sleep(RETRY.delay_s(failures))

    async def _send_all(self, producer: AIOKafkaProducer) -> None:
        """Send until an error occurs, and raise it."""
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
        if output.tracker.active:
            try:
                future = await send_output(producer, output)
            except REFUSALS:
                self._refused.append(output)
                raise
            self._sent[output] = future
            future.add_done_callback(lambda done: self._on_sent(producer, output, done))
            if self._singly > 0:
                self._singly -= 1
                await asyncio.wait([future])
        self._outgoing.popleft()

    def _on_sent(self, producer: AIOKafkaProducer, output: Output, future: "asyncio.Future[Any]") -> None:
        error = KafkaError("the producer was closed") if future.cancelled() else future.exception()
        if self._sent.get(output) is not future:
            return
        if error is None:
            del self._sent[output]
            self._progress_at = monotonic()
            self.problem = None
            self._in_flight.acknowledge(output)
            return
        if isinstance(error, REFUSALS):
            self._refused.append(output)
        if self._error is None:
            # At once, or later outputs would overtake this one: a broker accepts the first batch of a producer with any
            # sequence number, so it would not notice that an earlier batch is missing.
            halt(producer)
            self._error = error
            self._wake.set()

    def _requeue(self) -> None:
        """Queue what was sent and not acknowledged again, before what was not sent."""
        waiting = [*self._sent, *(output for output in self._outgoing if output not in self._sent)]
        active = [output for output in waiting if output.tracker.active]
        outputs, self._singly = resend_after_refusal(active, self._refused, self._singly, self._dead_letters)
        self._outgoing = deque(outputs)
        self._sent.clear()
        self._refused.clear()
        self._error = None
