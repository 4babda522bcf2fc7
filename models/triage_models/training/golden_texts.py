"""Chooses the golden texts of a bundle: their logits are compared when it is opened, on whatever processor."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training.candidate import TrainingJob
from triage_models.training.exit_graph import exit_layers, shift_borders

GOLDEN_TEXTS = 16
CANDIDATES = 8
"""Texts of a class that are looked at, where a text may leave the network early."""

BORDER = 0.06
"""Processors round differently, so that a text this near to a border leaves early on one of them and not on another."""


def choose_golden_texts(model: Path, job: TrainingJob) -> tuple[str, ...]:
    """Choose texts of different classes, none of which is near the border of an early exit.

    Args:
        model: the int8 model, with its tokenizer in the same folder.
        job: how it was trained.
    """
    classes, texts = job.examples.classes, job.examples.texts
    present = np.unique(classes)
    spread = np.linspace(0, len(present) - 1, min(GOLDEN_TEXTS, len(present))).astype(int)
    candidates = [
        [texts[row] for row in np.flatnonzero(classes == present[position])[:CANDIDATES].tolist()]
        for position in spread
    ]
    steady = _steady(model, [text for own in candidates for text in own], job.max_length)
    return tuple(next((text for text in own if text in steady), own[0]) for own in candidates)


def _steady(model: Path, texts: Sequence[str], max_length: int) -> set[str]:
    """Return the texts that take the same way through a network if its borders are shifted; all without exits."""
    graph = onnx.load(str(model))
    if not exit_layers(graph.graph):
        return set(texts)
    answers = []
    for by in (-BORDER, 0.0, BORDER):
        shifted = onnx.ModelProto()
        shifted.CopyFrom(graph)
        shift_borders(shifted, by)
        answers.append(_logits(shifted, model, texts, max_length))
    same = np.all([np.isclose(one, answers[1], atol=1e-4).all(axis=1) for one in answers], axis=0)
    return {text for text, kept in zip(texts, same.tolist(), strict=True) if kept}


def _logits(model: onnx.ModelProto, file: Path, texts: Sequence[str], max_length: int) -> NDArray[np.float32]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    engine = Engine(open_tokenizer(file.parent / "tokenizer.json", max_length), session)
    return engine.outputs(engine.encode(texts)).logits
