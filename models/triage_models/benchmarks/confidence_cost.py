"""Measures the cost of the confidence: throughput with it, and of the same network without it."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray
from onnx.utils import extract_model

from triage_models.bundle.bundle import CPU_MODEL
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import softmax
from triage_models.serving.engine import Encoded

ROUNDS = 15
BATCH = 64

Run = Callable[[Sequence[Encoded]], object]


def confidence_cost(bundle: Path, texts: Sequence[str]) -> list[float]:
    """Measure the share of messages per second that familiarity and the fitted confidence cost, in each round.

    The plain network ends in logits and a softmax; the bundle continues to similarities and decisions. Both run the
    same batches alternately on one CPU thread, so that a busy machine slows both down.

    Args:
        bundle: the bundle's folder.
        texts: messages to classify.

    Returns:
        ``[ROUNDS]`` shares, 0 to 1.
    """
    classifier = Classifier.open(bundle, device="cpu", threads=1)
    encoded = sorted(classifier.encode(texts), key=lambda row: len(row.ids))
    batches = [encoded[start : start + BATCH] for start in range(0, len(encoded), BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        plain = _plain_network(bundle / CPU_MODEL, Path(folder) / "plain.onnx")
        runs: tuple[Run, Run] = (
            lambda batch: classifier.decide(batch, classifier.infer(batch)),
            lambda batch: softmax(plain.run(None, _inputs(classifier, batch))[0], 1.0).argmax(axis=1),
        )
        return [_cost(runs, batches) for _ in range(ROUNDS + 1)][1:]


def summarize(costs: Sequence[float]) -> tuple[float, list[float]]:
    """Return the median of the rounds and the interquartile range."""
    low, _, high = statistics.quantiles(costs, n=4)
    return statistics.median(costs), [low, high]


def _cost(runs: tuple[Run, Run], batches: Sequence[Sequence[Encoded]]) -> float:
    """Run one round, alternating batch by batch."""
    seconds = [0.0, 0.0]
    for batch in batches:
        for which, run in enumerate(runs):
            started = time.thread_time()
            run(batch)
            seconds[which] += time.thread_time() - started
    with_confidence, plain = seconds
    return 1 - plain / with_confidence


def _plain_network(model: Path, output: Path) -> ort.InferenceSession:
    extract_model(str(model), str(output), ["input_ids", "attention_mask"], ["logits"])
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(output), options, providers=["CPUExecutionProvider"])


def _inputs(classifier: Classifier, batch: Sequence[Encoded]) -> dict[str, NDArray[Any]]:
    ids, mask = classifier.engine.pad(batch)
    return {"input_ids": ids, "attention_mask": mask}
