"""The bare network: the least that classifying these texts can cost.

Texts are tokenized, cut into the batches that the worker would cut, and padded before the clock starts; then N threads
do nothing but run the session. What the worker adds to that (Kafka, decoding, tokenizing, padding, deciding, writing
events, keeping the books) is what the ratio shows.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from numpy.typing import NDArray
from triage_models.serving.classifier import Classifier

from triage_worker.classify.batching import Limits, cut, wave


class Run(NamedTuple):
    """What a run took, in seconds by the clock and of all cores together; None where that cannot be told."""

    seconds: float
    cpu_seconds: float | None


class RawNetwork:
    """The network with its inputs laid ready."""

    def __init__(self, classifier: Classifier, texts: Sequence[str], limits: Limits) -> None:
        self._engine = classifier.engine
        self._threads = limits.threads
        encoded = classifier.encode(texts)
        self._inputs = [
            self._engine.pad([encoded[row] for row in rows])
            for rows in _batches([len(row.ids) for row in encoded], limits)
        ]

    def run(self) -> Run:
        """Run all batches once."""
        left = iter(self._inputs)
        lock = threading.Lock()
        threads = [threading.Thread(target=self._serve, args=(left, lock)) for _ in range(self._threads)]
        started, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Run(time.perf_counter() - started, time.process_time() - cpu)

    def _serve(self, left: Iterator[tuple[NDArray[Any], NDArray[Any]]], lock: threading.Lock) -> None:
        while True:
            with lock:
                batch = next(left, None)
            if batch is None:
                return
            self._engine.run_arrays(*batch)


def _batches(lengths: Sequence[int], limits: Limits) -> Iterator[list[int]]:
    """Rows of each batch, wave after wave, as the worker takes them from a backlog."""
    start = 0
    while start < len(lengths):
        size = wave(islice(lengths, start, None), limits)
        for batch in cut(lengths[start : start + size], limits):
            yield [start + row for row in batch]
        start += size
