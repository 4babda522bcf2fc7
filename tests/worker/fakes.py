"""A model that fails on demand, records to read, and a processor with a fake delivery behind it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

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


def vowels(text: str) -> int:
    return sum(text.count(vowel) for vowel in "aeiou")


class FakeModel:
    """Tokens are the text's characters. Accepts what has an even number of vowels; ``fails`` decides when to raise."""

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
        logits = np.array([[vowels(text), len(text)] for text in texts], dtype=np.float32)
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
    """A value of the input topic."""
    return orjson.dumps({"text": text})


class Published:
    """Takes the outputs that may be published, as a delivery does."""

    def __init__(self, in_flight: InFlightMessages) -> None:
        self._in_flight = in_flight
        self.outputs: list[Output] = []
        self._arrival = asyncio.Event()
        self._task = asyncio.create_task(self._take_forever())

    async def wait(self, count: int) -> list[Output]:
        while len(self.outputs) < count:
            self._arrival.clear()
            await self._arrival.wait()
        return self.outputs

    def close(self) -> None:
        self._task.cancel()

    async def _take_forever(self) -> None:
        while True:
            self.outputs += await self._in_flight.take()
            self._arrival.set()


@dataclass
class Harness(Generic[P]):
    """A processor between a consumer and a delivery that are fakes."""

    processor: P
    in_flight: InFlightMessages

    @property
    def offsets(self) -> OffsetTracker[Output]:
        return self.in_flight.offsets

    async def accept(self, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        """Process records as the consumer does."""
        await self.processor.process([self.in_flight.track(*batch) for batch in fetched.items()])
