"""Classifies the texts of all requests together, by the worker's encoder, batches and inference threads.

Texts are taken as they come: those that arrive while others are encoded are encoded together, and those that wait while
a batch runs share the next batches, whichever requests they belong to. There is no timer.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic

from triage_schemas.messages.message import CustomerMessage

from triage_worker.inference.fault_isolation import Fault
from triage_worker.inference.inference_threads import Inference
from triage_worker.inference.loaded_bundle import EncodedMessage, LoadedBundle
from triage_worker.inference.message_encoder import MessageEncoder
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.text_source import TextSource
from triage_worker.observability.metrics import Metrics
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.serve.pending import PendingRequest, PendingText
from triage_worker.serve.results import TextResult, blank_result, fault_result

ENCODED_TOGETHER = 256
"""Most texts in one call of the tokenizer's thread, so that its results do not come late."""


class QueueFullError(Exception):
    """So many texts wait that no more are taken.

    Attributes:
        seconds: after which there is likely room, as texts are answered now.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("too many texts are waiting")
        self.seconds = seconds


class TextClassifier:
    """Takes texts of requests, and returns their results in order.

    Args:
        bundles: the bundles to begin with.
        source: how texts are read.
        most_waiting: most texts that are in work or wait.
        metrics: of the stages.
        serve_metrics: where waiting is timed.
    """

    def __init__(
        self,
        bundles: ServingBundles,
        source: TextSource,
        *,
        most_waiting: int,
        metrics: Metrics,
        serve_metrics: ServeMetrics,
    ) -> None:
        self.inference = Inference(bundles, fault_result, _complete, observe=None, metrics=metrics)
        self._source = source
        self._encoder = MessageEncoder(metrics)
        self._most_waiting = most_waiting
        self._metrics = metrics
        self._serve_metrics = serve_metrics
        self._arrived: deque[PendingText] = deque()
        self._wake = asyncio.Event()
        self._tokenizer = ThreadPoolExecutor(1, thread_name_prefix="tokenizer")
        self._in_flight = 0
        self._rate = _Rate()
        metrics.watch(lambda: self._in_flight, lambda: 0, dict)

    def use(self, *bundles: LoadedBundle) -> None:
        """Switch to other bundles for their languages, from any thread; they take the texts that come from now on."""
        self.inference.use(*bundles)

    async def run(self) -> None:
        """Encode and infer until cancelled.

        Raises:
            ModelDownError: the tokenizer fails on everything.
        """
        inferring = self.inference.start()
        encoding = asyncio.create_task(self._encode_arrivals(), name="encode")
        try:
            done, _ = await asyncio.wait([inferring, encoding], return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            encoding.cancel()
            self._tokenizer.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(self.inference.close)

    async def classify(self, messages: Sequence[CustomerMessage]) -> list[bytes]:
        """Return the result of each text as JSON, in their order; if this is cancelled, they are dropped.

        Raises:
            QueueFullError: too many texts wait.
        """
        texts = [(row, message) for row, message in enumerate(messages) if message.text and not message.text.isspace()]
        if self._in_flight and self._in_flight + len(texts) > self._most_waiting:
            raise QueueFullError(self._rate.seconds_for(self._in_flight + len(texts) - self._most_waiting))
        results = [blank_result(message) if not message.text.strip() else b"" for message in messages]
        if not texts:
            return results
        pending = PendingRequest(len(texts), self._serve_metrics)
        self._arrived.extend(
            PendingText(message, self._source, request=pending, position=position)
            for position, (_, message) in enumerate(texts)
        )
        self._wake.set()
        self._in_flight += len(texts)
        try:
            await pending.done
        finally:
            pending.done.cancel()  # what still waits is not active any more
            self._in_flight -= len(texts)
        self._rate.count(len(texts))
        for (row, _), result in zip(texts, pending.results, strict=True):
            results[row] = result or b""
        return results

    async def _encode_arrivals(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._arrived:
                taken = list(islice(self._arrived, ENCODED_TOGETHER))
                for _ in taken:
                    self._arrived.popleft()
                texts = [text for text in taken if text.active]
                if not texts:
                    continue
                started = monotonic()
                bundles = self.inference.bundles
                encoded = await loop.run_in_executor(self._tokenizer, self._encoder.encode, bundles, texts)
                self._metrics.stage("tokenize", monotonic() - started)
                self._put(texts, encoded)

    def _put(self, texts: Sequence[PendingText], encoded: Sequence[EncodedMessage | Fault]) -> None:
        ready = []
        for text, one in zip(texts, encoded, strict=True):
            if isinstance(one, Fault):
                _complete([fault_result(text, one)])
            else:
                ready.append(one)
        self.inference.put(ready)


def _complete(results: Sequence[TextResult]) -> None:
    for result in results:
        result.text.request.set(result.text.position, result.value)


class _Rate:
    """Texts answered in a second, of late."""

    WINDOW_S = 5.0

    def __init__(self) -> None:
        self._answered: deque[tuple[float, int]] = deque()
        self._texts = 0

    def count(self, texts: int) -> None:
        now = monotonic()
        self._answered.append((now, texts))
        self._texts += texts
        self._forget(now)

    def seconds_for(self, texts: int) -> float:
        self._forget(monotonic())
        return texts * self.WINDOW_S / self._texts if self._texts else self.WINDOW_S

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0][0] < now - self.WINDOW_S:
            self._texts -= self._answered.popleft()[1]
