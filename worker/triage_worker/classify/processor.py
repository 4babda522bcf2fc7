"""The worker's processor: decodes and tokenizes messages, and hands them to the inference threads.

Makes no requests to a broker: it takes records and completes outputs. Each stage works while the others do: decoding on
the event loop, tokenizing in a thread of its own, inference in several.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

from aiokafka.structs import ConsumerRecord
from triage_schemas.input.decoder import decode
from triage_schemas.input.framed_values import frame_of
from triage_schemas.input.registry.frames import Frame
from triage_schemas.messages.message import Rejected, Skipped

from triage_worker.classify.message_sources import MessageSources
from triage_worker.classify.outputs import DecodedMessage, fault_output
from triage_worker.inference.fault_isolation import Fault
from triage_worker.inference.inference_threads import Inference, Observer
from triage_worker.inference.loaded_bundle import LoadedBundle
from triage_worker.inference.message_encoder import MessageEncoder
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.kafka.records import source_of
from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.observability.metrics import Metrics
from triage_worker.observability.tracing import Traces, begin
from triage_worker.resilience.tasks import run_together
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.schema_gate import SchemaGate
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages, TrackedRecords
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output, skipped


class ClassificationProcessor(MessageProcessor):
    """Classifies customer messages.

    Args:
        bundles: the bundles to begin with, for all languages together.
        dead_letters: makes the output of a message that cannot be answered.
        sources: how the messages of each topic are read.
        in_flight: where outputs are completed.
        metrics: where stages are timed.
        observe: called with each batch and its decisions; must not block.
        traces: makes the spans of messages; None makes none.
        schemas: those of the registry, by which values are read; None if there is no registry.
    """

    def __init__(
        self,
        bundles: ServingBundles,
        dead_letters: DeadLetters,
        sources: MessageSources,
        in_flight: InFlightMessages,
        *,
        metrics: Metrics,
        observe: Observer | None = None,
        traces: Traces | None = None,
        schemas: SchemaCache | None = None,
    ) -> None:
        self.inference = Inference(
            bundles, partial(fault_output, dead_letters), in_flight.complete, observe=observe, metrics=metrics
        )
        self._dead_letters = dead_letters
        self._sources = sources
        self._in_flight = in_flight
        self.metrics = metrics
        self._traces = traces
        self._encoder = MessageEncoder(metrics)
        self._tokenizer = ThreadPoolExecutor(1, thread_name_prefix="tokenizer")
        self._schemas = schemas
        self._gate = None if schemas is None else SchemaGate(schemas, self._frame_of, self._admit)

    def start(self) -> "asyncio.Future[None]":
        """Start the threads; the future fails when one of them does."""
        inferring = self.inference.start()
        if self._gate is None:
            return inferring
        return asyncio.ensure_future(run_together(_wait_for(inferring), self._gate.run()))

    def use(self, *bundles: LoadedBundle) -> None:
        """Switch to other bundles for their languages, from any thread; they take the messages read from now on."""
        self.inference.use(*bundles)

    def close(self) -> None:
        """End the threads."""
        self.inference.close()
        self._tokenizer.shutdown(wait=False, cancel_futures=True)

    async def process(self, batch: Sequence[TrackedRecords]) -> None:
        """Take in records; returns when they wait for the model, or for the schema that they were written with.

        Raises:
            ModelDownError: the tokenizer fails on everything.
        """
        await (self._admit(batch) if self._gate is None else self._gate.process(batch))

    async def _admit(self, batch: Sequence[TrackedRecords]) -> None:
        started = monotonic()
        decoded = [
            message
            for tracker, records in batch
            for record in records
            if (message := self._decode(tracker, record)) is not None
        ]
        self.metrics.stage("decode", monotonic() - started)
        if decoded:
            await self._tokenize(decoded)

    def pause(self) -> None:
        """Drop what is queued and start nothing until `resume`; running batches continue."""
        if self._gate is not None:
            self._gate.drop()
        self.inference.pause()

    def resume(self) -> None:
        """Continue after `pause`."""
        self.inference.resume()

    @property
    def idle(self) -> bool:
        """Whether no batch is running."""
        return self.inference.idle

    @property
    def longest_run_s(self) -> float:
        """How many seconds the oldest running batch has been running."""
        return self.inference.longest_run_s

    @property
    def down(self) -> str | None:
        """Why the model fails on everything, or the schema registry does not answer, while that is so."""
        return self.inference.down or (None if self._gate is None else self._gate.down)

    def _frame_of(self, record: ConsumerRecord) -> Frame | None:
        return frame_of(record.value, record.headers, self._sources.of(record.topic).shape)

    def _decode(self, tracker: PartitionTracker[Output], record: ConsumerRecord) -> DecodedMessage | None:
        """Decode a record; one that cannot be read becomes a dead letter, one that is no new message is skipped."""
        span = begin(self._traces, record)
        source = self._sources.of(record.topic)
        message = decode(record.value, source_of(record), source.shape, record.headers, self._schemas, record.key)
        if isinstance(message, Skipped):
            self._in_flight.complete([skipped(tracker, record, message.reason, span)])
            return None
        if isinstance(message, Rejected):
            output = self._dead_letters.output(tracker, record, message.code, message.message, span)
            self._in_flight.complete([output])
            return None
        if span is not None:
            span.about(message.message_id)
        return DecodedMessage(message, source.texts, span, tracker=tracker, record=record, entities=source.entities)

    async def _tokenize(self, messages: Sequence[DecodedMessage]) -> None:
        started = monotonic()
        bundles = self.inference.bundles
        loop = asyncio.get_running_loop()
        encoded = await loop.run_in_executor(self._tokenizer, self._encoder.encode, bundles, messages)
        self.metrics.stage("tokenize", monotonic() - started)
        ready = []
        for decoded, one in zip(messages, encoded, strict=True):
            if isinstance(one, Fault):
                self._in_flight.complete([fault_output(self._dead_letters, decoded, one)])
            else:
                ready.append(one)
        self.inference.put(ready)


async def _wait_for(future: "asyncio.Future[None]") -> None:
    await future
