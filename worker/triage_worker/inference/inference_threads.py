"""Runs the model in threads. A free thread takes a batch of what has arrived meanwhile; there is no timer.

The threads take work themselves, so that none of them waits for the event loop.
"""

import asyncio
import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any

import numpy as np
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded

from triage_worker.inference.fault_isolation import Fault, ModelDownError, isolate
from triage_worker.inference.loaded_bundle import Answer, EncodedMessage, LoadedBundle
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.threads import join
from triage_worker.inference.waiting_messages import WaitingMessages
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays

log = logging.getLogger(__name__)

KNOWN_GOOD = "where is my order"
"""A text that every model can classify: if the model fails on it, no message is at fault."""

RETRY = FixedDelays((0.5, 1.0, 2.0, 5.0, 10.0))
"""Pauses between attempts while the model fails on everything."""

Observer = Callable[[Sequence[EncodedMessage], Sequence[Decision | Fault]], None]

FaultAnswer = Callable[[Any, Fault], Answer]
"""Makes the answer to a message, of the service's own kind, that the model fails on."""

Complete = Callable[[list[Any]], None]
"""Takes answers of the service's own kind."""


class Inference:
    """Threads that turn encoded messages into answers.

    A batch belongs to one bundle from its tokens to its answers, also while another bundle takes over: what the old
    bundle encoded, it also decides, unless it fails on everything.

    Args:
        bundles: they encode and decide until `use` replaces one; the limits of the default set the number of threads,
            which all share.
        fault: makes the answer to a message that the model fails on; called in the threads.
        complete: takes the answers of each batch, on the event loop.
        observe: called in the threads with each batch and its decisions; must not block.
        metrics: where batches are counted.
    """

    def __init__(
        self,
        bundles: ServingBundles,
        fault: FaultAnswer,
        complete: Complete,
        *,
        observe: Observer | None,
        metrics: Metrics,
    ) -> None:
        self.bundles = bundles
        self._fault = fault
        self._complete = complete
        self._observe = observe
        self._metrics = metrics
        self._thread_count = bundles.default.limits.threads
        self._waiting = WaitingMessages()
        self._batches: deque[list[EncodedMessage]] = deque()
        self._changed = threading.Condition()
        self._paused = False
        self._closed = False
        self._running: dict[int, float] = {}
        self._threads: list[threading.Thread] = []
        self._cause: Exception | None = None
        self.down: str | None = None

    def start(self) -> "asyncio.Future[None]":
        """Start the threads; their results come to the running event loop. The future fails when a thread does."""
        # The cores are busy with batches: a pool of the tokenizer's own threads would only take turns with these.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[None] = self._loop.create_future()
        for number in range(self._thread_count):
            # Daemon threads: a run that hangs must not keep the process from exiting.
            thread = threading.Thread(target=self._serve, name=f"inference-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._failed

    def put(self, messages: Sequence[EncodedMessage]) -> None:
        """Queue messages, in the order they were read."""
        with self._changed:
            self._waiting.extend(messages)
            self._changed.notify(self._thread_count)

    def use(self, *bundles: LoadedBundle) -> None:
        """Switch to other bundles for their languages, all at once; from any thread."""
        with self._changed:
            self.bundles = self.bundles.using(*bundles)
            self._changed.notify_all()

    def pause(self) -> None:
        """Drop what is queued and start nothing until `resume`; running batches continue."""
        with self._changed:
            self._paused = True
            self._waiting.clear()
            self._batches.clear()

    def resume(self) -> None:
        """Continue after `pause`."""
        with self._changed:
            self._paused = False
            self._changed.notify(self._thread_count)

    @property
    def idle(self) -> bool:
        """Whether no batch is running and no answers are on their way to the event loop."""
        return not self._running

    @property
    def spare(self) -> bool:
        """Whether nothing is queued and a thread is free."""
        return not (self._waiting or self._batches) and len(self._running) < self._thread_count

    @property
    def longest_run_s(self) -> float:
        """How many seconds the oldest running batch has been running."""
        started = list(self._running.values())
        return monotonic() - min(started) if started else 0.0

    def close(self) -> None:
        """End the threads after the batches that they run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        join(self._threads)

    def _serve(self) -> None:
        try:
            while self._serve_one():
                pass
        except BaseException as error:
            if not self._closed:
                self._loop.call_soon_threadsafe(self._fail, error)

    def _serve_one(self) -> bool:
        """Run one batch; in a function of its own, so that an idle thread holds no reference to a replaced bundle."""
        batch = self._take()
        if batch is None:
            return False
        self._loop.call_soon_threadsafe(self._finish, batch, self._run(batch))
        return True

    def _take(self) -> list[EncodedMessage] | None:
        with self._changed:
            while True:
                if self._closed:
                    return None
                batch = [] if self._paused else self._next_batch()
                if batch:
                    self._running[id(batch)] = monotonic()
                    return batch
                self._changed.wait()

    def _next_batch(self) -> list[EncodedMessage]:
        while self._batches or self._waiting:
            if not self._batches:
                self._batches.extend(self._waiting.cut_wave())
            batch = [message for message in self._batches.popleft() if message.decoded.active]
            if batch:
                return batch
        return []

    def _finish(self, batch: list[EncodedMessage], answers: list[Answer]) -> None:
        self._complete(answers)
        del self._running[id(batch)]

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    def _run(self, batch: list[EncodedMessage]) -> list[Answer]:
        for message in batch:
            message.decoded.begin(len(batch))
        bundle, decisions = self._decide(batch)
        for message in batch:
            message.decoded.decided()
        if self._observe is not None:
            self._observe(batch, decisions)
        answers = [self._answer(bundle, message, result) for message, result in zip(batch, decisions, strict=True)]
        self._metrics.decided(",".join(bundle.serves), Counter(answer.outcome for answer in answers))
        return answers

    def _answer(self, bundle: LoadedBundle, message: EncodedMessage, result: Decision | Fault) -> Answer:
        if isinstance(result, Fault):
            return self._fault(message.decoded, result)
        return bundle.writer.output(message.decoded, result)

    def _decide(self, batch: list[EncodedMessage]) -> tuple[LoadedBundle, list[Decision | Fault]]:
        bundle = batch[0].bundle
        failures = 0
        while True:
            try:
                decisions = isolate(partial(self._classify, bundle), batch, partial(self._healthy, bundle))
            except ModelDownError:
                self.down = f"the model fails on every message ({self._cause!r})"
                log.exception("The model fails on everything, so no message is at fault", exc_info=self._cause)
                failures += 1
                bundle = self._next_attempt(bundle, RETRY.delay_s(failures))
            else:
                self.down = self._cause = None
                return bundle, decisions

    def _next_attempt(self, failing: LoadedBundle, pause_s: float) -> LoadedBundle:
        """Wait for a while, or until another bundle takes over; returns the bundle to try next."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._newest(failing) is not failing, timeout=pause_s)
            if self._closed:
                raise ModelDownError("stopped while the model was failing")
            return self._newest(failing)

    def _newest(self, bundle: LoadedBundle) -> LoadedBundle:
        return self.bundles.in_place_of(bundle)

    def _classify(self, bundle: LoadedBundle, batch: Sequence[EncodedMessage]) -> list[Decision]:
        decisions, hits = bundle.memory.decide(bundle.rows(batch), partial(self._infer, bundle))
        self._metrics.remembered(",".join(bundle.serves), hits)
        return decisions

    def _infer(self, bundle: LoadedBundle, batch: Sequence[Encoded]) -> list[Decision]:
        started = monotonic()
        outputs = bundle.model.infer(batch)
        if not (np.isfinite(outputs.logits).all() and np.isfinite(outputs.similarity).all()):
            raise FloatingPointError("the network's outputs are not finite")
        decisions = bundle.model.decide(batch, outputs)
        longest = max(len(row.ids) for row in batch)
        rows = sum(row.rows for row in batch)
        self._metrics.batch(messages=len(batch), tokens=longest * rows, seconds=monotonic() - started)
        return decisions

    def _healthy(self, bundle: LoadedBundle) -> bool:
        try:
            self._infer(bundle, bundle.model.encode([KNOWN_GOOD]))
        except Exception as error:
            self._cause = error
            return False
        return True
