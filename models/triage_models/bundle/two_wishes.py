"""What a bundle knows of messages with two wishes; `triage_models.serving.wishes` applies it."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

TWO_WISHES = "two_wishes"
"""The entry of the metrics that has the fitted models."""

WHOLE_FEATURES = (
    "second", "first", "added", "other", "joined", "questions", "parts", "stops", "words", "out_of_scope", "third",
)  # fmt: skip
"""What tells from a text and its scores alone whether it may hold two wishes."""

PART_FEATURES = (
    "second", "second_in_part", "first_in_another", "first_in_part", "second_familiarity", "first_familiarity", "added",
    "other", "joined", "questions", "words", "parts", "stop",
)  # fmt: skip
"""What tells, once its parts were read, whether a text asks for the second intent, too."""


class Logistic(BaseModel):
    """A logistic regression over named features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[float, ...]
    intercept: float

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability ``[N]`` of features ``[N, F]``."""
        score = features @ np.asarray(self.weights) + self.intercept
        probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0)))
        return probability


class TwoWishes(BaseModel):
    """How a bundle tells that a message holds a second wish.

    Attributes:
        whole: over `WHOLE_FEATURES`: whether a text may hold two wishes, so that its parts are worth reading.
        least: the probability from which they are read.
        parts: over `PART_FEATURES`: whether the second wish is asked for.
        threshold: the probability from which it is listed.
        rows: how many messages both were fitted on.
        languages: of these messages, ISO 639-1.
        false_seconds: the share of those with one wish that may be given a second; `triage learn` keeps it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    whole: Logistic
    least: float = Field(ge=0, le=1)
    parts: Logistic
    threshold: float = Field(ge=0, le=1)
    rows: int
    languages: tuple[str, ...]
    false_seconds: float = Field(default=0.03, ge=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.whole.weights) != len(WHOLE_FEATURES) or len(self.parts.weights) != len(PART_FEATURES):
            raise ValueError("two_wishes has other features than this version of Triage computes")
        return self
