"""The threads that run the model. Each takes a batch when it is free: what arrived while it ran, and no timer.

They take work themselves, so that no thread waits for the event loop to hand it some.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice, takewhile
from time import monotonic

import numpy as np
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded

from triage_worker.classify.batching import cut, wave
from triage_worker.classify.fault_isolation import Fault, ModelDownError, isolate
from triage_worker.classify.loaded_bundle import Serving, Work
from triage_worker.classify.threads import wait_for
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.tracking.output import Output

log = logging.getLogger(__name__)

KNOWN_GOOD = "where is my order"
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between tries while the model fails on everything; the last is kept."""


Answer = Callable[[Serving, Work, Decision | Fault], Output]
Observer = Callable[[Sequence[Work], Sequence[Decision | Fault]], None]


class Inference:
    """Threads that turn `Work` into `Output`.

    A batch belongs to one bundle from its tokens to its outputs, also while another takes over: what the old one
    encoded is finished by the old one, unless that fails on everything.

    Args:
        serving: what encodes, until `use`; its limits say how many threads there are.
        answer: makes the output of a decision, or of a message that the model fails on; runs in the threads.
        done: is called on the event loop with the outputs of each batch.
        observe: is told, in the threads, of what was decided; must not wait.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        serving: Serving,
        answer: Answer,
        done: Callable[[list[Output]], None],
        *,
        observe: Observer | None,
        metrics: Metrics,
    ) -> None:
        self.serving = serving
        self._answer = answer
        self._done = done
        self._observe = observe
        self._metrics = metrics
        self._thread_count = serving.limits.threads
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
        for number in range(self._thread_count):
            # Daemons: a run that hangs must not keep the process from leaving.
            thread = threading.Thread(target=self._serve, name=f"inference-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._failed

    def put(self, works: Sequence[Work]) -> None:
        """Add messages, in the order they were read."""
        with self._changed:
            self._waiting.extend(works)
            self._changed.notify(self._thread_count)

    def use(self, serving: Serving) -> None:
        """Go over to another bundle; from any thread."""
        with self._changed:
            self.serving = serving
            self._changed.notify_all()

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
            self._changed.notify(self._thread_count)

    @property
    def idle(self) -> bool:
        """Whether no batch runs and no outputs are on their way to the event loop."""
        return not self._running

    @property
    def spare(self) -> bool:
        """Whether nothing waits, and a thread has nothing to do."""
        return not (self._waiting or self._batches) and len(self._running) < self._thread_count

    @property
    def longest_run_s(self) -> float:
        """How long the oldest running batch has been running."""
        started = list(self._running.values())
        return monotonic() - min(started) if started else 0.0

    def close(self) -> None:
        """End the threads after the batches that they run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        wait_for(self._threads)

    def _serve(self) -> None:
        try:
            while self._serve_one():
                pass
        except BaseException as error:
            if not self._closed:
                self._loop.call_soon_threadsafe(self._fail, error)

    def _serve_one(self) -> bool:
        """Nothing of the batch stays behind here: it would keep its bundle in memory until the next one comes."""
        batch = self._take()
        if batch is None:
            return False
        self._loop.call_soon_threadsafe(self._finished, batch, self._run(batch))
        return True

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
        by = self._waiting[0].by
        same = takewhile(lambda work: work.by is by, self._waiting)
        size = wave((len(work.encoded.ids) for work in same), by.limits)
        works = list(islice(self._waiting, size))
        for _ in range(size):
            self._waiting.popleft()
        batches = cut([len(work.encoded.ids) for work in works], by.limits)
        return [[works[position] for position in batch] for batch in batches]

    def _finished(self, batch: list[Work], outputs: list[Output]) -> None:
        self._done(outputs)
        del self._running[id(batch)]

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _run(self, batch: list[Work]) -> list[Output]:
        for work in batch:
            if work.span is not None:
                work.span.mark("infer", batch_messages=len(batch))
        by, decisions = self._decide(batch)
        for work in batch:
            if work.span is not None:
                work.span.mark("decided")
        if self._observe is not None:
            self._observe(batch, decisions)
        return [self._answer(by, work, decision) for work, decision in zip(batch, decisions, strict=True)]

    def _decide(self, batch: list[Work]) -> tuple[Serving, list[Decision | Fault]]:
        by = batch[0].by
        tries = 0
        while True:
            try:
                decisions = isolate(partial(self._classify, by), batch, partial(self._healthy, by))
            except ModelDownError:
                self.down = f"the model fails on every message ({self._cause!r})"
                log.exception("The model fails on everything, so no message is at fault", exc_info=self._cause)
                by = self._next_try(by, RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
            else:
                self.down = self._cause = None
                return by, decisions

    def _next_try(self, failing: Serving, pause_s: float) -> Serving:
        """Wait a while, or until another bundle takes over; the one to try with."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.serving is not failing, timeout=pause_s)
            if self._closed:
                raise ModelDownError("stopped while the model was failing")
            return self.serving

    def _classify(self, by: Serving, works: Sequence[Work]) -> list[Decision]:
        return self._infer(by, by.rows(works))

    def _infer(self, by: Serving, batch: Sequence[Encoded]) -> list[Decision]:
        started = monotonic()
        outputs = by.model.infer(batch)
        if not (np.isfinite(outputs.logits).all() and np.isfinite(outputs.similarity).all()):
            raise FloatingPointError("the network's outputs are not finite")
        decisions = by.model.decide(batch, outputs)
        longest = max(len(row.ids) for row in batch)
        self._metrics.batch(messages=len(batch), tokens=longest * len(batch), seconds=monotonic() - started)
        return decisions

    def _healthy(self, by: Serving) -> bool:
        try:
            self._infer(by, by.model.encode([KNOWN_GOOD]))
        except Exception as error:
            self._cause = error
            return False
        return True
