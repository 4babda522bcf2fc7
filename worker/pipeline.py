"""The way of a message through the worker, from its record to its output, and the books that are kept of it.

Knows no Kafka client: records come in by `accept`, outputs go out by ``publish``, in the order of their partitions.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from aiokafka.structs import TopicPartition

from models.decision import Decision
from models.engine import Encoded
from schemas.message import CustomerMessage, InputShape, Rejected, decode
from worker.batching import Limits
from worker.dead_letters import DeadLetters
from worker.inference import KNOWN_GOOD, Inference, Model
from worker.isolation import Fault, isolate
from worker.ledger import PartitionLedger
from worker.metrics import Metrics
from worker.outputs import Consumed, Output, Work, source_of
from worker.station import Station

MODEL_ERROR = "model_error"
Readable = tuple[PartitionLedger[Output], Consumed, CustomerMessage]


class Pipeline(Station):
    """Decode, tokenize, infer, decide; each stage goes on while the others do.

    Args:
        model: a classifier.
        write: makes the output of a decision.
        dead_letters: makes the output of a message that cannot be answered.
        shape: what the input's values look like.
        publish: takes outputs of one partition, in the order of their offsets.
        limits: how batches are cut, and how many run at once.
        metrics: where all is counted.
    """

    def __init__(
        self,
        model: Model,
        write: Callable[[Work, Decision], Output],
        dead_letters: DeadLetters,
        shape: InputShape,
        publish: Callable[[Sequence[Output]], None],
        *,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        super().__init__(publish, metrics)
        self.inference = Inference(model, self._answer, self._complete, limits=limits, metrics=metrics)
        self._model = model
        self._write = write
        self._dead_letters = dead_letters
        self._shape = shape
        self._tokenizer = ThreadPoolExecutor(1, thread_name_prefix="tokenizer")

    def start(self) -> "asyncio.Future[None]":
        """Start the threads; the future fails when one of them does."""
        return self.inference.start()

    def close(self) -> None:
        """Let the threads end."""
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
                message = decode(record.value, source_of(record), self._shape)
                if isinstance(message, Rejected):
                    self._complete([self._dead_letters.of(ledger, record, message.code, message.message)])
                else:
                    readable.append((ledger, record, message))
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
        texts = [message.text for _, _, message in readable]
        encoded = await asyncio.get_running_loop().run_in_executor(self._tokenizer, self._encode, texts)
        self._metrics.stage("tokenize", monotonic() - started)
        works = []
        for (ledger, record, message), tokens in zip(readable, encoded, strict=True):
            if isinstance(tokens, Fault):
                self._complete([self._dead_letters.of(ledger, record, MODEL_ERROR, tokens.reason)])
            else:
                works.append(Work(ledger, record, message, tokens))
        self.inference.put(works)

    def _encode(self, texts: Sequence[str]) -> list[Encoded | Fault]:
        return isolate(self._model.encode, texts, self._encodes_at_all)

    def _encodes_at_all(self) -> bool:
        try:
            self._model.encode([KNOWN_GOOD])
        except Exception:
            return False
        return True

    def _answer(self, work: Work, decision: Decision | Fault) -> Output:
        if isinstance(decision, Fault):
            return self._dead_letters.of(work.ledger, work.record, MODEL_ERROR, decision.reason)
        return self._write(work, decision)
