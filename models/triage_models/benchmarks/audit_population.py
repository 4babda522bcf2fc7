"""Accepted events with their confidence and whether they are wrong: what the audit's simulation draws from."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from triage_models.audit.events import Flags, Ints
from triage_models.audit.selection import Floats
from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.data.corpus import OOS_LABEL
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.errors import DataError
from triage_models.metrics.outcomes import split_labels
from triage_models.serving.classifier import Classifier

BLOCK = 256
OTHER_LANGUAGE = str.maketrans("aeioubcdfghjklmnpqrstvwxyz", "eiouacdfghjklmnpqrstvwxyzb")
"""Stands for a language that the bundle does not know: each vowel becomes the next, and so does each consonant."""


@dataclass(frozen=True)
class Population:
    """N accepted events of one kind of traffic.

    Attributes:
        confidence: ``[N]`` calibrated confidence, 0 to 1.
        intent: ``[N]`` index of the predicted label.
        wrong: ``[N]`` whether the prediction is wrong.
        accepted_share: the share of the messages that is accepted, 0 to 1.
    """

    confidence: Floats
    intent: Ints
    wrong: Flags
    accepted_share: float

    def __len__(self) -> int:
        return len(self.confidence)

    @property
    def error_rate(self) -> float:
        """The share of the events that is wrong."""
        return float(self.wrong.mean())


@dataclass(frozen=True)
class Shop:
    """The traffic of a simulation.

    Attributes:
        labels: the bundle's labels.
        floor: the bundle's threshold.
        calibration: what the bundle was calibrated on.
        usual: the shop's usual traffic.
        product_line: messages about things that the shop has not sold so far; none of the labels fits.
        language: messages in a language that the bundle does not know.
    """

    labels: tuple[str, ...]
    floor: float
    calibration: Population
    usual: Population
    product_line: Population
    language: Population


def classify_rows(classifier: Classifier, texts: Sequence[str], labels: Sequence[str]) -> Population:
    """Classify labelled rows, and return those that are accepted.

    Args:
        classifier: the bundle.
        texts: ``[N]``
        labels: ``[N]`` several correct ones are joined by ``|``.
    """
    decisions = [
        one for start in range(0, len(texts), BLOCK) for one in classifier.classify(texts[start : start + BLOCK])
    ]
    known = classifier.bundle.manifest.labels
    kept = [(one, label) for one, label in zip(decisions, labels, strict=True) if one.accepted]
    if not kept:
        raise DataError("The bundle accepts none of the rows: nothing can be audited.")
    return Population(
        np.array([one.confidence for one, _ in kept]),
        np.array([known.index(one.intent) for one, _ in kept], dtype=np.int64),
        np.array([one.intent not in split_labels(label, known) for one, label in kept], dtype=np.bool_),
        len(kept) / len(texts),
    )


def read_shops(public: Path, bundle: Path, scratch: Path, rows: Path | None = None) -> dict[str, Shop]:
    """Classify the data that the simulation needs.

    The usual traffic of one shop is the rows on which the bundle was calibrated, so the bundle's calibration is right
    for it. That of the other is SOFMattress, which the bundle was not trained on.

    Args:
        public: folder of the public data sets.
        bundle: the bundle's folder.
        scratch: folder for assembled data.
        rows: labelled rows that the bundle was not trained on, instead of those it was calibrated on.

    Returns:
        The shops by name.

    Raises:
        DataError: Data is missing, or is not what the bundle was trained on.
    """
    classifier = Classifier.open(bundle)
    manifest = classifier.bundle.manifest
    unseen = read_labelled_rows(write_mapped(public / "sofmattress", scratch / "sofmattress_mapped.csv"))
    foreign = read_labelled_rows(public / "banking77" / "test.csv").texts
    product_line = classify_rows(classifier, foreign, [OOS_LABEL] * len(foreign))
    texts, labels = _held_out(public, scratch / "ecommerce.csv", manifest.training) if rows is None else _read(rows)
    calibration = classify_rows(classifier, texts, labels)
    garbled = [text.lower().translate(OTHER_LANGUAGE) for text in unseen.texts]
    language = classify_rows(classifier, garbled, unseen.labels)
    usual = {"calibration rows": calibration, "SOFMattress": classify_rows(classifier, unseen.texts, unseen.labels)}
    floor = manifest.thresholds.confidence
    return {
        name: Shop(tuple(manifest.labels), floor, calibration, traffic, product_line, language)
        for name, traffic in usual.items()
    }


def _read(rows: Path) -> tuple[list[str], list[str]]:
    read = read_labelled_rows(rows)
    return list(read.texts), list(read.labels)


def _held_out(public: Path, csv_file: Path, training: dict[str, object]) -> tuple[list[str], list[str]]:
    """Return texts and labels of the rows that the shipped bundle was calibrated on, by repeating its split."""
    from triage_models.training import ecommerce, plan  # noqa: PLC0415 (torch is slow to import, and an extra)

    ecommerce.assemble(public, csv_file)
    if sha256(csv_file.read_bytes()).hexdigest() != training.get("data_sha256"):
        raise DataError(
            "The bundle was trained on other rows, so those it was calibrated on are not known: give --rows."
        )
    held_out = plan.make_plan(csv_file, None, None, None, int(str(training.get("seed", 0)))).held_out
    return held_out.texts, held_out.labels


def synthetic_shop(seed: int = 0, rows: int = 4000, error_rate: float = 0.03) -> Shop:
    """Return a made-up shop with a perfectly calibrated bundle: for tests, and where there is no data.

    Args:
        seed: seed of every draw.
        rows: events of each kind of traffic.
        error_rate: about how many of the accepted events are wrong.
    """
    random = np.random.default_rng(seed)
    labels = tuple("ABCDEFGHI")

    def draw(doubt: float, wrong: float | None) -> Population:
        confidence = 1.0 - np.minimum(doubt * random.gamma(0.8, 1.25, rows), 0.3)
        chance = 1.0 - confidence if wrong is None else np.full(rows, wrong)
        return Population(confidence, random.integers(len(labels), size=rows), random.random(rows) < chance, 0.8)

    usual = draw(error_rate, None)
    return Shop(labels, 0.7, usual, usual, draw(2 * error_rate, 1.0), draw(4 * error_rate, 0.7))
