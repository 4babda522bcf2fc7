"""Finds a second wish in a message, such as *"came broken, and where is the other parcel"*.

The scores of the whole text say whether it may hold two wishes. Only then are its sentences and clauses read by the
same network, and a small fitted model tells from both whether the second one is asked for or only mentioned.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage_models.bundle.manifest import Manifest
from triage_models.bundle.two_wishes import TwoWishes
from triage_models.serving.decision import NO_WISH, Assessment, Floats, Wish, softmax
from triage_models.serving.engine import Encoded, Engine, Outputs
from triage_models.serving.mail.message import Message
from triage_models.serving.parts import Cues, Part, cues_of, parts_of

_TINY = 1e-5
_NEVER = float(np.log(_TINY / (1.0 - _TINY)))
"""The log-odds of what cannot be."""


class Whole(NamedTuple):
    """A text with two or more parts, the network's view of it, and the intents that it asks for first and second."""

    text: str
    parts: list[Part]
    cues: Cues
    probabilities: Floats
    first: int
    second: int


class PartReader:
    """Computes the features of texts that may hold two wishes.

    Args:
        engine: runs the network.
        labels: how many of its classes are labels.
        temperature: divides the logits.
    """

    def __init__(self, engine: Engine, labels: int, temperature: float) -> None:
        self._engine = engine
        self._labels = labels
        self._temperature = temperature

    def whole(self, text: str, logits: Floats, first: int) -> Whole | None:
        """Return what is known of a text before its parts are read; None if it has only one part."""
        parts = parts_of(text)
        return self.of_parts(text, parts, self.probabilities(logits[None])[0], first) if len(parts) > 1 else None

    def probabilities(self, logits: Floats) -> Floats:
        """Return the probabilities ``[B, C]`` of logits ``[B, C]``."""
        return softmax(logits, self._temperature)

    def of_parts(self, text: str, parts: list[Part], probabilities: Floats, first: int) -> Whole:
        """Return what is known of a text that has these parts."""
        scores = probabilities[: self._labels].tolist()
        second = max((label for label in range(self._labels) if label != first), key=scores.__getitem__)
        return Whole(text, parts, cues_of(text), probabilities, first, second)

    def whole_features(self, whole: Whole) -> list[float]:
        """Return the `WHOLE_FEATURES` of a text."""
        # Not by numpy: for so few numbers, it would take ten times as long.
        scores = [_log_odds_of(probability) for probability in whole.probabilities.tolist()]
        labels = range(self._labels)
        third = max((scores[label] for label in labels if label not in (whole.first, whole.second)), default=_NEVER)
        cues = whole.cues
        return [
            scores[whole.second], scores[whole.first], cues.added, cues.other, cues.joined,
            cues.questions, math.log(len(whole.parts)), cues.stops, math.log(len(whole.text.split())),
            max(scores[self._labels :], default=_NEVER), third,
        ]  # fmt: skip

    def read(self, wholes: Sequence[Whole]) -> list[tuple[int, list[float]]]:
        """Read the parts of texts; returns the second intent of each and the `PART_FEATURES`."""
        encoded = self._engine.encode([part.text for whole in wholes for part in whole.parts])
        outputs = self._engine.outputs([Encoded(row.ids, row.truncated) for row in encoded])
        probabilities = softmax(outputs.logits, self._temperature)
        found, start = [], 0
        for whole in wholes:
            rows = slice(start, start + len(whole.parts))
            found.append(self._features(whole, probabilities[rows], outputs.similarity[rows]))
            start = rows.stop
        return found

    def _features(self, whole: Whole, probabilities: Floats, similarity: Floats) -> tuple[int, list[float]]:
        scores = _log_odds(probabilities[:, : self._labels])
        second = _best(scores.max(axis=0) + 0.5 * _log_odds(whole.probabilities[: self._labels]), whole.first)
        own = int(scores[:, second].argmax())
        others = np.arange(len(scores)) != own
        firsts = np.where(others, scores[:, whole.first], -np.inf)
        between = sorted((own, int(firsts.argmax())))
        stop = any(part.stop for part in whole.parts[between[0] + 1 : between[1] + 1])
        cues = whole.cues
        return second, [
            float(_log_odds(whole.probabilities[second])), float(scores[own, second]), float(firsts.max()),
            float(scores[own, whole.first]), float(similarity[own, second]),
            float(similarity[others, whole.first].max()), cues.added, cues.other, cues.joined, cues.questions,
            float(np.log(len(whole.parts[own].text.split()))), float(np.log(len(whole.parts))), float(stop),
        ]  # fmt: skip


class SecondWishes:
    """Finds the second wishes of the texts that one bundle decides.

    Args:
        manifest: of the bundle. One that was not fitted for two wishes finds none.
        engine: runs the network.
    """

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self._fitted: TwoWishes | None = manifest.two_wishes
        self._labels = manifest.labels
        self._reader = PartReader(engine, len(manifest.labels), manifest.calibration.temperature)

    def with_texts(self, messages: Sequence[Message], encoded: list[Encoded]) -> list[Encoded]:
        """Add what each sender wrote to its tokens, if a second wish may be looked for in it.

        A text of several windows is read sentence by sentence anyway, and not accepted where these disagree.
        """
        if self._fitted is None:
            return encoded
        return [
            row if row.further or row.truncated or message.automatic else row._replace(text=message.text)
            for message, row in zip(messages, encoded, strict=True)
        ]

    def find(self, batch: Sequence[Encoded], outputs: Outputs, assessment: Assessment) -> list[tuple[Wish, ...]]:
        """Return the wishes of each text besides its intent: one or none."""
        found: list[tuple[Wish, ...]] = [()] * len(batch)
        if self._fitted is None:
            return found
        wholes = self._promising(self._fitted, batch, outputs, assessment)
        if wholes:
            seconds = self._reader.read(list(wholes.values()))
            probabilities = self._fitted.parts.probabilities(np.asarray([features for _, features in seconds]))
            for position, (second, _), probability in zip(wholes, seconds, probabilities.tolist(), strict=True):
                if probability >= self._fitted.threshold:
                    found[position] = (Wish(self._labels[second], probability),)
        return found

    def _promising(
        self, fitted: TwoWishes, batch: Sequence[Encoded], outputs: Outputs, assessment: Assessment
    ) -> dict[int, Whole]:
        parts: dict[int, list[Part]] = {}
        starts: list[int] = []
        start = 0
        for position, row in enumerate(batch):
            if row.text is not None and assessment.reasons[position] not in NO_WISH:
                found = parts_of(row.text)
                if len(found) > 1:
                    parts[position] = found
                    starts.append(start)
            start += row.rows
        probabilities = self._reader.probabilities(outputs.logits[starts])
        wholes = {
            position: self._reader.of_parts(
                batch[position].text or "", found, own, int(assessment.ranking[position, 0])
            )
            for (position, found), own in zip(parts.items(), probabilities, strict=True)
        }
        if not wholes:
            return wholes
        features = np.asarray([self._reader.whole_features(whole) for whole in wholes.values()])
        likely = fitted.whole.probabilities(features) >= fitted.least
        return {position: whole for (position, whole), keep in zip(wholes.items(), likely, strict=True) if keep}


def _best(scores: NDArray[np.floating], first: int) -> int:
    others = np.array(scores, dtype=np.float64)
    others[first] = -np.inf
    return int(others.argmax())


def _log_odds_of(probability: float) -> float:
    bounded = min(max(probability, _TINY), 1.0 - _TINY)
    return math.log(bounded / (1.0 - bounded))


def _log_odds(probability: Floats | float) -> NDArray[np.float64]:
    bounded = np.clip(np.asarray(probability, dtype=np.float64), _TINY, 1.0 - _TINY)
    odds: NDArray[np.float64] = np.log(bounded / (1.0 - bounded))
    return odds
