"""The threads that run the model. Each takes a batch when it is free: what arrived while it ran, and no timer.

They take work themselves, so that no thread waits for the event loop to hand it some.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from time import monotonic
from typing import Protocol

import numpy as np

from models.decision import Decision
from models.engine import Encoded
from models.engine import Outputs as Logits
from worker.batching import Limits, cut, wave
from worker.isolation import Fault, ModelDownError, isolate
from worker.metrics import Metrics
from worker.outputs import Output, Work

log = logging.getLogger(__name__)

KNOWN_GOOD = "where is my order"
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between tries while the model fails on everything; the last is kept."""


class Model(Protocol):
    """What the threads need of a `models.classifier.Classifier`."""

    def encode(self, texts: Sequence[str]) -> list[Encoded]: ...

    def infer(self, batch: Sequence[Encoded]) -> Logits: ...

    def decide(self, batch: Sequence[Encoded], outputs: Logits) -> list[Decision]: ...


Answer = Callable[[Work, Decision | Fault], Output]


class Inference:
    """Threads that turn `Work` into `Output`.

    Args:
        model: what they run.
        answer: makes the output of a decision, or of a message that the model fails on; runs in the threads.
        done: is called on the event loop with the outputs of each batch.
        limits: how batches are cut, and how many run at once.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        model: Model,
        answer: Answer,
        done: Callable[[list[Output]], None],
        *,
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._model = model
        self._answer = answer
        self._done = done
        self._limits = limits
        self._metrics = metrics
        self._waiting: deque[Work] = deque()
        self._batches: deque[list[Work]] = deque()
        self._changed = threading.Condition()
        self._held = False
        self._closed = False
        self._running: dict[int, float] = {}
        self._threads: list[threading.Thread] = []
        self._cause: Exception | None = None
        self.down: str | None = None

    def start(self) -> "asyncio.Future[None]":
        """Start the threads; their results come to the running event loop. The future fails when a thread does."""
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = self._loop.create_future()
        for number in range(self._limits.threads):
            # Daemons: a run that hangs must not keep the process from leaving.
            thread = threading.Thread(target=self._serve, name=f"inference-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._failed

    def put(self, works: Sequence[Work]) -> None:
        """Add messages, in the order they were read."""
        with self._changed:
            self._waiting.extend(works)
            self._changed.notify(self._limits.threads)

    def hold(self) -> None:
        """Drop what waits and begin nothing more, until `resume`; what runs goes on."""
        with self._changed:
            self._held = True
            self._waiting.clear()
            self._batches.clear()

    def resume(self) -> None:
        """Go on after `hold`."""
        with self._changed:
            self._held = False
            self._changed.notify(self._limits.threads)

    @property
    def idle(self) -> bool:
        """Whether no batch runs and no outputs are on their way to the event loop."""
        return not self._running

    @property
    def longest_run_s(self) -> float:
        """How long the oldest running batch has been running."""
        started = list(self._running.values())
        return monotonic() - min(started) if started else 0.0

    def close(self) -> None:
        """Let the threads end after the batches that they run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _serve(self) -> None:
        try:
            while (batch := self._take()) is not None:
                outputs = self._run(batch)
                self._loop.call_soon_threadsafe(self._finished, batch, outputs)
        except BaseException as error:
            if not self._closed:
                self._loop.call_soon_threadsafe(self._fail, error)

    def _take(self) -> list[Work] | None:
        with self._changed:
            while True:
                if self._closed:
                    return None
                batch = [] if self._held else self._next_batch()
                if batch:
                    self._running[id(batch)] = monotonic()
                    return batch
                self._changed.wait()

    def _next_batch(self) -> list[Work]:
        while self._batches or self._waiting:
            if not self._batches:
                self._batches.extend(self._cut_wave())
            batch = [work for work in self._batches.popleft() if work.ledger.active]
            if batch:
                return batch
        return []

    def _cut_wave(self) -> list[list[Work]]:
        size = wave((len(work.encoded.ids) for work in self._waiting), self._limits)
        works = list(islice(self._waiting, size))
        for _ in range(size):
            self._waiting.popleft()
        batches = cut([len(work.encoded.ids) for work in works], self._limits)
        return [[works[position] for position in batch] for batch in batches]

    def _finished(self, batch: list[Work], outputs: list[Output]) -> None:
        self._done(outputs)
        del self._running[id(batch)]

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _run(self, batch: list[Work]) -> list[Output]:
        decisions = self._decide([work.encoded for work in batch])
        return [self._answer(work, decision) for work, decision in zip(batch, decisions, strict=True)]

    def _decide(self, batch: list[Encoded]) -> list[Decision | Fault]:
        tries = 0
        while True:
            try:
                decisions = isolate(self._classify, batch, self._healthy)
            except ModelDownError as error:
                self.down = f"the model fails on every message ({self._cause!r})"
                log.exception("The model fails on everything, so no message is at fault", exc_info=self._cause)
                pause = RETRY_S[min(tries, len(RETRY_S) - 1)]
                tries += 1
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, timeout=pause)
                    if self._closed:
                        raise ModelDownError("stopped while the model was failing") from error
            else:
                self.down = None
                return decisions

    def _classify(self, batch: Sequence[Encoded]) -> list[Decision]:
        started = monotonic()
        outputs = self._model.infer(batch)
        if not (np.isfinite(outputs.logits).all() and np.isfinite(outputs.similarity).all()):
            raise FloatingPointError("the network's outputs are not finite")
        decisions = self._model.decide(batch, outputs)
        longest = max(len(row.ids) for row in batch)
        self._metrics.batch(messages=len(batch), tokens=longest * len(batch), seconds=monotonic() - started)
        return decisions

    def _healthy(self) -> bool:
        try:
            self._classify(self._model.encode([KNOWN_GOOD]))
        except Exception as error:
            self._cause = error
            return False
        return True
