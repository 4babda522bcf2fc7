"""A fake model, records to read, and a harness that runs a message processor without Kafka."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Self, TypeVar

import numpy as np
import orjson
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_models.serving.decision import Decision, Reason
from triage_models.serving.engine import Encoded, Outputs
from triage_worker.streaming.processor import MessageProcessor
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.offset_tracker import OffsetTracker
from triage_worker.streaming.tracking.output import Output

P = TypeVar("P", bound=MessageProcessor)

SCORES = {"WISMO": 0.9, "OTHER": 0.1}


def count_vowels(text: str) -> int:
    return sum(text.count(vowel) for vowel in "aeiou")


class FakeModel:
    """A model whose tokens are the text's characters, and which accepts texts with an even number of vowels.

    Args:
        fails: whether it fails on a batch of texts.

    Attributes:
        batches: the texts of each batch, in order.
    """

    def __init__(self, fails: Callable[[Sequence[str]], bool] = lambda texts: False) -> None:
        self.fails = fails
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [Encoded([ord(character) for character in text], False) for text in texts]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        texts = ["".join(map(chr, row.ids)) for row in batch]
        self.batches.append(texts)
        if self.fails(texts):
            raise RuntimeError("the fake model fails on demand")
        logits = np.array([[count_vowels(text), len(text)] for text in texts], dtype=np.float32)
        return Outputs(logits, np.zeros_like(logits))

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        decisions = []
        for vowel_count, _ in outputs.logits:
            accepted = bool(vowel_count % 2 == 0)
            reason: Reason | None = None if accepted else "low_confidence"
            decisions.append(Decision("WISMO", 0.9, accepted, reason, SCORES, 0.8, False))
        return decisions


def record(
    partition: TopicPartition, offset: int, value: bytes | None, key: bytes | None = b"k", timestamp: int = 0
) -> ConsumerRecord:
    """Make a record as the consumer returns it."""
    return ConsumerRecord(
        partition.topic,
        partition.partition,
        offset,
        timestamp,
        0,
        key,
        value,
        None,
        len(key or b""),
        len(value or b""),
        (("traceparent", b"00-1-2-3"),),
    )


def message(text: str) -> bytes:
    """Make the value of a readable message."""
    return orjson.dumps({"text": text})


class ProcessorHarness(Generic[P]):
    """Runs a message processor between a fake consumer and a fake delivery, within its context.

    Args:
        processor: not started.
        in_flight: the one that the processor completes outputs in.
        partitions: are assigned.

    Attributes:
        processor: the processor.
        in_flight: its messages.
        outputs: those that may be published, in order.
        failed: the future of the processor's start.
    """

    def __init__(self, processor: P, in_flight: InFlightMessages, *partitions: TopicPartition) -> None:
        self.processor = processor
        self.in_flight = in_flight
        self.outputs: list[Output] = []
        self._arrival = asyncio.Event()
        for partition in partitions:
            in_flight.offsets.assign(partition)

    async def __aenter__(self) -> Self:
        self.failed = self.processor.start()
        self._delivery = asyncio.create_task(self._take_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.processor.close()
        for future in (self._delivery, self.failed):
            future.cancel()
        await asyncio.gather(self._delivery, self.failed, return_exceptions=True)

    @property
    def offsets(self) -> OffsetTracker[Output]:
        """The offset tracker."""
        return self.in_flight.offsets

    async def process(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Track and process records, as the consumer does."""
        await self.processor.process([self.in_flight.track(*batch) for batch in fetched.items()])

    async def wait_for_outputs(self, count: int) -> list[Output]:
        """Wait until that many outputs may be published, and return all outputs."""
        while len(self.outputs) < count:
            self._arrival.clear()
            await self._arrival.wait()
        return self.outputs

    async def _take_forever(self) -> None:
        while True:
            self.outputs += await self.in_flight.take()
            self._arrival.set()
