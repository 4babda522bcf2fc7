"""A model that can be told to fail, and what stands in for a broker: records to read, and a taker of outputs."""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import orjson
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_models.serving.decision import Decision, Reason
from triage_models.serving.engine import Encoded, Outputs
from triage_worker.streaming.tracking.output import Output

SCORES = {"WISMO": 0.9, "OTHER": 0.1}


def vowels(text: str) -> int:
    return sum(text.count(vowel) for vowel in "aeiou")


class FakeModel:
    """Tokens are the text's characters. Accepts what has an even number of vowels; ``fails`` says when to raise."""

    def __init__(self, fails: Callable[[Sequence[str]], bool] = lambda texts: False) -> None:
        self.fails = fails
        self.batches: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [Encoded([ord(character) for character in text], False) for text in texts]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        texts = ["".join(map(chr, row.ids)) for row in batch]
        self.batches.append(texts)
        if self.fails(texts):
            raise RuntimeError("the fake model was told to fail")
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
    """Takes outputs and wakes whoever waits for a number of them."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._more = asyncio.Event()

    def __call__(self, outputs: Sequence[Output]) -> None:
        self.outputs += outputs
        self._more.set()

    async def wait(self, count: int) -> list[Output]:
        while len(self.outputs) < count:
            self._more.clear()
            await self._more.wait()
        return self.outputs
