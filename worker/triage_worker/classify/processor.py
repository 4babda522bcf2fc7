"""The way of a message through the worker, from its record to its output, and the books that are kept of it.

Knows no Kafka client: records come in by `accept`, outputs go out by ``publish``, in the order of their partitions.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

from aiokafka.structs import TopicPartition
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded
from triage_schemas.input.decoder import decode
from triage_schemas.input.message import CustomerMessage, InputShape, Rejected

from triage_worker.classify.fault_isolation import Fault, isolate
from triage_worker.classify.inference import KNOWN_GOOD, Inference, Observer
from triage_worker.classify.loaded_bundle import Serving, Work
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import MessageSpan, Traces, begin, ids
from triage_worker.streaming.processor import Station
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import PartitionLedger
from triage_worker.streaming.tracking.output import Consumed, Output, source_of

log = logging.getLogger(__name__)

MODEL_ERROR = "model_error"
Readable = tuple[PartitionLedger[Output], Consumed, CustomerMessage, MessageSpan | None]


class Pipeline(Station):
    """Decode, tokenize, infer, decide; each stage goes on while the others do.

    Args:
        serving: the bundle to begin with, and what belongs to it.
        dead_letters: makes the output of a message that cannot be answered.
        shape: what the input's values look like.
        publish: takes outputs of one partition, in the order of their offsets.
        metrics: where all is counted.
        observe: is told of what was decided; must not wait.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(
        self,
        serving: Serving,
        dead_letters: DeadLetters,
        shape: InputShape,
        publish: Callable[[Sequence[Output]], None],
        *,
        metrics: Metrics,
        observe: Observer | None = None,
        traces: Traces | None = None,
    ) -> None:
        super().__init__(publish, metrics, traces)
        self.inference = Inference(serving, self._answer, self._complete, observe=observe, metrics=metrics)
        self._dead_letters = dead_letters
        self._shape = shape
        self._tokenizer = ThreadPoolExecutor(1, thread_name_prefix="tokenizer")

    def start(self) -> "asyncio.Future[None]":
        """Start the threads; the future fails when one of them does."""
        return self.inference.start()

    def use(self, serving: Serving) -> None:
        """Go over to another bundle, from any thread: messages read from now on are its own."""
        self.inference.use(serving)

    def close(self) -> None:
        """End the threads."""
        self.inference.close()
        self._tokenizer.shutdown(wait=False, cancel_futures=True)

    async def accept(self, fetched: Mapping[TopicPartition, Sequence[Consumed]]) -> None:
        """Take in records of assigned partitions; returns when they wait for the model.

        Raises:
            ModelDownError: the tokenizer fails on everything.
        """
        started = monotonic()
        readable: list[Readable] = []
        for partition, records in fetched.items():
            ledger = self._enter(partition, records)
            for record in records:
                span = begin(self._traces, record)
                message = decode(record.value, source_of(record), self._shape)
                if isinstance(message, Rejected):
                    self._complete([self._dead_letters.of(ledger, record, message.code, message.message, span)])
                    continue
                if span is not None:
                    span.about(message.message_id)
                readable.append((ledger, record, message, span))
        self._metrics.stage("decode", monotonic() - started)
        if readable:
            await self._tokenize(readable)

    def hold(self) -> None:
        """Drop what waits and begin nothing more, until `resume`; what runs goes on."""
        self.inference.hold()

    def resume(self) -> None:
        """Go on after `hold`."""
        self.inference.resume()

    @property
    def idle(self) -> bool:
        """Whether no batch runs."""
        return self.inference.idle

    @property
    def longest_run_s(self) -> float:
        """How long the oldest running batch has been running."""
        return self.inference.longest_run_s

    @property
    def down(self) -> str | None:
        """Why the model fails on everything, while it does."""
        return self.inference.down

    async def _tokenize(self, readable: Sequence[Readable]) -> None:
        started = monotonic()
        by = self.inference.serving
        texts = [message.text for _, _, message, _ in readable]
        encoded = await asyncio.get_running_loop().run_in_executor(self._tokenizer, _encode, by, texts)
        self._metrics.stage("tokenize", monotonic() - started)
        works = []
        for (ledger, record, message, span), tokens in zip(readable, encoded, strict=True):
            if isinstance(tokens, Fault):
                self._complete([self._at_fault(ledger, record, message, tokens, span)])
            else:
                works.append(Work(ledger, record, message, by, tokens, span))
        self.inference.put(works)

    def _answer(self, by: Serving, work: Work, decision: Decision | Fault) -> Output:
        if isinstance(decision, Fault):
            return self._at_fault(work.ledger, work.record, work.message, decision, work.span)
        return by.write(work, decision)

    def _at_fault(
        self,
        ledger: PartitionLedger[Output],
        record: Consumed,
        message: CustomerMessage,
        fault: Fault,
        span: MessageSpan | None,
    ) -> Output:
        extra = {"message_id": message.message_id, "reason": fault.reason, **ids(record.headers, span)}
        log.warning("The model fails on this message alone: it becomes a dead letter", extra=extra)
        return self._dead_letters.of(ledger, record, MODEL_ERROR, fault.reason, span)


def _encode(by: Serving, texts: Sequence[str]) -> list[Encoded | Fault]:
    return isolate(by.model.encode, texts, partial(_encodes_at_all, by))


def _encodes_at_all(by: Serving) -> bool:
    try:
        by.model.encode([KNOWN_GOOD])
    except Exception:
        return False
    return True
