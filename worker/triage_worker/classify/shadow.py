"""Runs a second bundle on live messages, after they are answered, to compare its decisions.

The shadow uses spare capacity only: it runs while an inference thread is free, and takes few messages at once. Messages
that it has no time for are dropped and counted. Its errors do not affect the serving bundle.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision

from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.fault_isolation import Fault
from triage_worker.inference.loaded_bundle import EncodedMessage
from triage_worker.inference.threads import join
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

WAITING = 512
"""Messages that may wait for the shadow; more are dropped."""

AT_ONCE = 8
"""Messages in one run: few, so that a message that arrives meanwhile is hardly delayed."""

CHECK_S = 0.02
"""Seconds between two checks for a free thread."""

RETRY = RetryPolicy(first_s=1.0, longest_s=60.0, jitter=0.0)
"""How long the shadow pauses after it failed."""


class Answered(NamedTuple):
    """A message that was answered, with the languages of the bundle that decided on it."""

    text: str
    decision: Decision
    serves: str


class Shadow:
    """Compares the decisions of a shadow bundle with those of the serving bundle.

    Args:
        share: of the messages that are compared, from 0 to 1, drawn at random.
        metrics: where agreement is counted.
    """

    def __init__(self, share: float, metrics: BundleMetrics) -> None:
        self._share = share
        self._metrics = metrics
        self._classifier: Classifier | None = None
        self._waiting: deque[Answered] = deque()
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, spare: Callable[[], bool]) -> None:
        """Start comparing; ``spare`` returns whether an inference thread is free."""
        thread = threading.Thread(target=self._run, args=(spare,), name="shadow", daemon=True)
        self._threads.append(thread)
        thread.start()

    def use(self, classifier: Classifier) -> None:
        """Compare with this classifier from now on."""
        self._classifier = classifier
        self._metrics.shadow(classifier.bundle.name, classifier.bundle.version, classifier.device)

    def offer(self, messages: Sequence[EncodedMessage], decisions: Sequence[Decision | Fault]) -> None:
        """Take messages with their decisions; never blocks. Before `use`, nothing is taken."""
        if self._classifier is None:
            return
        drawn = [
            Answered(message.decoded.message.text, decision, ",".join(message.bundle.serves))
            for message, decision in zip(messages, decisions, strict=True)
            if isinstance(decision, Decision) and random.random() < self._share
        ]
        with self._changed:
            room = WAITING - len(self._waiting)
            self._waiting.extend(drawn[:room])
            self._changed.notify()
        if len(drawn) > room:
            self._metrics.skipped("dropped", len(drawn) - room)

    def close(self) -> None:
        """Stop after the current run; messages that wait are dropped."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        join(self._threads)

    def _run(self, spare: Callable[[], bool]) -> None:
        failures = 0
        while batch := self._take(spare):
            try:
                self._compare(batch)
                failures = 0
            except Exception as error:
                self._metrics.skipped("failed", len(batch))
                failures += 1
                pause_s = RETRY.delay_s(failures)
                # The kind of error only: its message can carry the customer's text.
                extra = {"error": type(error).__name__, "next_try_s": pause_s}
                log.warning("The shadow bundle failed; messages are not affected", extra=extra)
                self._closed.wait(pause_s)

    def _take(self, spare: Callable[[], bool]) -> list[Answered]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed.is_set())
        while not spare() and not self._closed.wait(CHECK_S):
            pass
        if self._closed.is_set():
            return []
        with self._changed:
            batch = list(islice(self._waiting, AT_ONCE))
            for _ in batch:
                self._waiting.popleft()
        return batch

    def _compare(self, batch: Sequence[Answered]) -> None:
        assert self._classifier is not None
        decisions = self._classifier.classify([answered.text for answered in batch])
        for answered, decision in zip(batch, decisions, strict=True):
            self._metrics.compared(answered.decision, decision, answered.serves)
