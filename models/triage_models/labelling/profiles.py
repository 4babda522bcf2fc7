"""Runs a bundle on texts and also returns the network's own vector of each text, which serving does not need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from triage_models.labelling.network_vectors import WholeNetwork
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision, Floats
from triage_models.serving.engine import CPU_PADDING, Encoded, Outputs, first_rows, rows_of, sized_batches
from triage_models.serving.stream import map_in_order

DIRECTIONS, SHRINKAGE = 64, 0.1
"""Directions of the vectors that are used, and the share of the mean variance that is added to that of each."""

CHUNK = 256


@dataclass(frozen=True)
class Profiles:
    """What a bundle says about N texts.

    Attributes:
        decisions: ``[N]``
        neighbours: ``[N]`` the class whose training messages are the most similar: a label, or out of scope.
        vectors: ``[N, D]`` the network's vector of each text (of its first window), `whitened`.
    """

    decisions: list[Decision]
    neighbours: list[str]
    vectors: Floats


def profile_texts(
    classifier: Classifier, texts: Sequence[str], on_progress: Callable[[int], None] = lambda rows: None
) -> Profiles:
    """Classify texts and return their vectors with the decisions.

    Args:
        classifier: an open bundle. Its int8 model is run on the CPU, on as many threads as it was opened with.
        texts: N texts.
        on_progress: called with the number of texts just done.

    Raises:
        BundleError: the network has no such vectors.
    """
    network = WholeNetwork(classifier.bundle)
    parts: list[tuple[list[Decision], list[str], Floats]] = []
    chunks = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
    for part in map_in_order(lambda chunk: _profile(classifier, network, chunk), chunks, classifier.threads):
        parts.append(part)
        on_progress(len(part[0]))
    vectors = np.concatenate([part[2] for part in parts]) if parts else np.empty((0, 1), dtype=np.float32)
    return Profiles(
        [decision for part in parts for decision in part[0]],
        [neighbour for part in parts for neighbour in part[1]],
        whitened(vectors),
    )


def whitened(vectors: Floats) -> Floats:
    """Centre vectors ``[N, D]``, give their main directions about equal variance, and scale each to unit length.

    Training pulls the messages of a label together along few directions. Without this step, different messages of one
    label are hardly told apart, and new kinds of messages hardly from known ones (docs/labelling.md has figures).
    """
    if len(vectors) < 2:
        return vectors
    centred = vectors - vectors.mean(axis=0)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    variance, axes = variance[::-1][:DIRECTIONS], axes[:, ::-1][:, :DIRECTIONS]
    scaled = centred @ (axes / np.sqrt(np.maximum(variance, 0.0) + SHRINKAGE * max(float(variance.mean()), 1e-12)))
    result: Floats = (scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return result


def _profile(
    classifier: Classifier, network: WholeNetwork, texts: Sequence[str]
) -> tuple[list[Decision], list[str], Floats]:
    encoded = classifier.encode(texts)
    windows = rows_of(encoded)
    outputs, vectors = _run(classifier, network, windows)
    if not network.answers_as_served:
        outputs = classifier.engine.outputs(windows)
    first = first_rows(encoded)
    nearest = outputs.similarity[first].argmax(axis=1)
    classes = classifier.bundle.classes
    return classifier.decide(encoded, outputs), [classes[number] for number in nearest], vectors[first]


def _run(classifier: Classifier, network: WholeNetwork, windows: Sequence[Encoded]) -> tuple[Outputs, Floats]:
    logits = np.empty((len(windows), len(classifier.bundle.classes)), dtype=np.float32)
    similarity = np.empty_like(logits)
    vectors: Floats | None = None
    for rows in sized_batches([len(window.ids) for window in windows], padding=CPU_PADDING):
        found = network.run(*classifier.engine.pad([windows[row] for row in rows]))
        logits[rows], similarity[rows] = found.logits, found.similarity
        vectors = np.empty((len(windows), found.vectors.shape[1]), dtype=np.float32) if vectors is None else vectors
        vectors[rows] = found.vectors
    assert vectors is not None
    return Outputs(logits, similarity), vectors
