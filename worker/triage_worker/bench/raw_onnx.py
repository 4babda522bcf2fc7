"""Runs the model alone in ONNX Runtime: the least that classifying the same texts can cost.

Texts are tokenized, cut into the worker's batches and padded before the clock starts. Then N threads do nothing but run
the session. The ratio shows what the worker adds to that: Kafka, decoding, tokenizing, padding, deciding, writing
events and tracking offsets.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from numpy.typing import NDArray
from triage_models.serving.classifier import Classifier

from triage_worker.inference.batching import Limits, cut, wave


class Timing(NamedTuple):
    """The duration of a run, and its CPU time on all cores together, in seconds; None if that cannot be measured."""

    seconds: float
    cpu_seconds: float | None


class RawInference:
    """The model's session with its inputs prepared.

    Args:
        classifier: has the session and the tokenizer.
        texts: the texts to classify.
        limits: how the worker would cut batches, and its number of threads.
    """

    def __init__(self, classifier: Classifier, texts: Sequence[str], limits: Limits) -> None:
        self._engine = classifier.engine
        self._threads = limits.threads
        encoded = classifier.encode(texts)
        self._inputs = [
            self._engine.pad([encoded[row] for row in rows])
            for rows in _batches([len(row.ids) for row in encoded], limits)
        ]

    def run(self) -> Timing:
        """Run all batches once."""
        left = iter(self._inputs)
        lock = threading.Lock()
        threads = [threading.Thread(target=self._work, args=(left, lock)) for _ in range(self._threads)]
        started, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Timing(time.perf_counter() - started, time.process_time() - cpu)

    def _work(self, left: Iterator[tuple[NDArray[Any], NDArray[Any]]], lock: threading.Lock) -> None:
        while True:
            with lock:
                batch = next(left, None)
            if batch is None:
                return
            self._engine.run_arrays(*batch)


def _batches(lengths: Sequence[int], limits: Limits) -> Iterator[list[int]]:
    """The rows of each batch, as the worker cuts a backlog."""
    start = 0
    while start < len(lengths):
        size = wave(islice(lengths, start, None), limits)
        for batch in cut(lengths[start : start + size], limits):
            yield [start + row for row in batch]
        start += size
