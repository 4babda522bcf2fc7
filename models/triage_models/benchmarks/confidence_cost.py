"""What the confidence costs: messages a second with it, and of the same network without it."""

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


def confidence_cost(bundle: Path, texts: Sequence[str]) -> list[float]:
    """Share of messages/s that familiarity and the fitted confidence take, one value for each of `ROUNDS` rounds.

    The bare network ends in logits and a softmax; ours goes on to similarities and decisions. Both run the same
    batches on one thread of the CPU, one after the other in each round, so that a busy machine slows both.
    """
    classifier = Classifier.open(bundle, device="cpu", threads=1)
    encoded = sorted(classifier.encode(texts), key=lambda row: len(row.ids))
    batches = [encoded[start : start + BATCH] for start in range(0, len(encoded), BATCH)]
    with tempfile.TemporaryDirectory() as folder:
        bare = _bare_network(bundle / CPU_MODEL, Path(folder) / "bare.onnx")
        runs: tuple[Callable[[Sequence[Encoded]], object], ...] = (
            lambda batch: classifier.decide(batch, classifier.infer(batch)),
            lambda batch: softmax(bare.run(None, _inputs(classifier, batch))[0], 1.0).argmax(axis=1),
        )
        return [_cost(runs, batches) for _ in range(ROUNDS + 1)][1:]


def summary(costs: Sequence[float]) -> tuple[float, list[float]]:
    """The median of rounds, and the middle half of them."""
    low, _, high = statistics.quantiles(costs, n=4)
    return statistics.median(costs), [low, high]


def _cost(runs: Sequence[Callable[[Sequence[Encoded]], object]], batches: Sequence[Sequence[Encoded]]) -> float:
    """One round; the two take turns batch by batch."""
    seconds = [0.0, 0.0]
    for batch in batches:
        for which, run in enumerate(runs):
            started = time.thread_time()
            run(batch)
            seconds[which] += time.thread_time() - started
    ours, bare = seconds
    return 1 - bare / ours


def _bare_network(model: Path, output: Path) -> ort.InferenceSession:
    extract_model(str(model), str(output), ["input_ids", "attention_mask"], ["logits"])
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(str(output), options, providers=["CPUExecutionProvider"])


def _inputs(classifier: Classifier, batch: Sequence[Encoded]) -> dict[str, NDArray[Any]]:
    ids, mask = classifier.engine.pad(batch)
    return {"input_ids": ids, "attention_mask": mask}
