"""Selects accepted events for the audit, by a hash of the message id.

The same message with the same probability is always selected or always not: on every machine, in every process, and
when it is delivered again. A larger share selects all that a smaller one selects, and more.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AUDIT, PERSON, TIE = "audit", "person", "tie"
"""What a draw is for. Draws of one message for different purposes are independent."""

LEAST_RATIO = 0.5
"""The least probability of an event, as a share of the mean; so no weight is above 2."""

BISECTIONS = 60


def uniform(message_id: str, purpose: str = AUDIT) -> float:
    """Return a number in [0, 1) that is uniform over message ids and always the same for one id and purpose."""
    digest = hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=8, person=purpose.encode())
    return (int.from_bytes(digest.digest(), "big") >> 11) / 2.0**53


@dataclass(frozen=True)
class Selection:
    """Whether an event is audited.

    Attributes:
        selected: whether it is.
        probability: with which probability it was selected, 0 to 1. It travels with the event.
        weight: the mean probability divided by this one: what the event counts for in a bound.
    """

    selected: bool
    probability: float
    weight: float


@dataclass(frozen=True)
class AuditPolicy:
    """How likely an accepted event is audited.

    Attributes:
        share: the probability of an event on average, 0 to 1.
        tilt: how steeply the probability follows the doubt, see `probability`; 0 makes it ``share`` for every event.
        least_ratio: the smallest probability as a share of ``share``, above 0 and at most 1.
    """

    share: float
    tilt: float = 0.0
    least_ratio: float = LEAST_RATIO

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"The share of audited events is {self.share}: it is a probability, 0 to 1.")
        if self.tilt < 0.0 or not 0.0 < self.least_ratio <= 1.0:
            raise ValueError("An audit needs a tilt of 0 or more, and a least ratio above 0 and at most 1.")

    @classmethod
    def tilted(cls, share: float, expected: Floats, least_ratio: float = LEAST_RATIO) -> "AuditPolicy":
        """Audit more where the confidence is low, with a mean probability of ``share`` over the expected confidences.

        The probability is proportional to the standard deviation of the error, ``sqrt(c (1 - c))`` for a confidence c.
        This allocation makes the variance of the weighted error rate least (Neyman 1934).

        Args:
            share: the mean probability, 0 to 1.
            expected: ``[N]`` confidences of accepted events, for example of the rows that the bundle was calibrated on.
            least_ratio: the smallest probability as a share of ``share``.
        """
        if not len(expected):
            raise ValueError("A tilted audit needs the confidences that are expected.")
        low, high = 0.0, 1e6
        for _ in range(BISECTIONS):
            tilt = (low + high) / 2
            mean = float(cls(share, tilt, least_ratio).probabilities(expected).mean())
            low, high = (tilt, high) if mean < share else (low, tilt)
        return cls(share, high, least_ratio)

    @property
    def largest_weight(self) -> float:
        """The weight that no event exceeds."""
        return 1.0 if self.tilt == 0.0 else 1.0 / self.least_ratio

    def probabilities(self, confidence: Floats) -> Floats:
        """Return the probability ``[N]`` of events with these confidences ``[N]``."""
        if self.tilt == 0.0:
            return np.full(len(confidence), self.share)
        ratio = np.maximum(self.tilt * np.sqrt(confidence * (1.0 - confidence)), self.least_ratio)
        return np.minimum(self.share * ratio, 1.0)

    def probability(self, confidence: float) -> float:
        """Return the probability of an event with this confidence, 0 to 1."""
        return float(self.probabilities(np.array([confidence]))[0])

    def select(self, message_id: str, confidence: float) -> Selection:
        """Decide whether an accepted event is audited."""
        probability = self.probability(confidence)
        weight = self.share / probability if probability else 1.0
        return Selection(uniform(message_id) < probability, probability, weight)


@dataclass(frozen=True)
class SecondReaderPolicy:
    """Which of the events that a second reader has read are also read by a person.

    The second reader, such as an LLM, reads the events that an `AuditPolicy` selects. It only decides where people
    look: its own answers are never evidence, so bounds and alarms hold however good or bad it is.

    Attributes:
        ask_if_agreed: probability that a person is asked where the second reader agrees with the bundle, above 0.
        ask_if_not: the same where it does not agree.
    """

    ask_if_agreed: float = 0.05
    ask_if_not: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.ask_if_agreed <= 1.0 and 0.0 < self.ask_if_not <= 1.0):
            raise ValueError("A person is asked with a probability above 0 and at most 1, whatever the second reader.")

    def select(self, message_id: str, *, agreed: bool) -> Selection:
        """Decide whether a person reads an event as well; the weight is one divided by the probability."""
        probability = self.ask_if_agreed if agreed else self.ask_if_not
        return Selection(uniform(message_id, PERSON) < probability, probability, 1.0 / probability)
