"""Audited events as arrays: the only input of the bounds and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage_models.audit.selection import TIE, Floats, uniform

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class AuditedEvent:
    """One audited event.

    Attributes:
        message_id: the id of the message.
        confidence: the calibrated confidence that the event states, 0 to 1.
        intent: the intent that the event states.
        wrong: whether the reader's answer contradicts it; None if only a second reader saw it, and no person was asked.
        weight: from the selection (`triage_models.audit.selection.Selection.weight`).
        ask_probability: with which probability a person was asked; 1 without a second reader.
    """

    message_id: str
    confidence: float
    intent: str
    wrong: bool | None
    weight: float = 1.0
    ask_probability: float = 1.0


@dataclass(frozen=True)
class AuditedEvents:
    """N audited events, in the order in which their answers arrived.

    Attributes:
        confidence: ``[N]`` 0 to 1.
        intent: ``[N]`` index into the bundle's labels.
        error: ``[N]`` 0 where no error was found, otherwise one divided by the probability that a person was asked. Its
            mean is the error rate, whatever these probabilities are (Horvitz and Thompson 1952).
        weight: ``[N]`` from the selection.
        answered: ``[N]`` whether a person answered.
        tie: ``[N]`` uniform in [0, 1), independent of everything else; it orders events that are equal.
    """

    confidence: Floats
    intent: Ints
    error: Floats
    weight: Floats
    answered: Flags
    tie: Floats

    def __len__(self) -> int:
        return len(self.confidence)

    @property
    def found(self) -> Flags:
        """``[N]`` whether a person found the event wrong."""
        return self.error > 0.0

    def take(self, rows: "NDArray[Any] | slice") -> "AuditedEvents":
        """Return the events at these positions, or where this mask is true."""
        return AuditedEvents(
            self.confidence[rows],
            self.intent[rows],
            self.error[rows],
            self.weight[rows],
            self.answered[rows],
            self.tie[rows],
        )

    @classmethod
    def of(cls, events: Sequence[AuditedEvent], labels: Sequence[str]) -> "AuditedEvents":
        """Turn events into arrays.

        Args:
            events: N events.
            labels: the bundle's labels.
        """
        index = {label: number for number, label in enumerate(labels)}
        return cls(
            np.array([event.confidence for event in events], dtype=np.float64),
            np.array([index[event.intent] for event in events], dtype=np.int64),
            np.array([1.0 / event.ask_probability if event.wrong else 0.0 for event in events], dtype=np.float64),
            np.array([event.weight for event in events], dtype=np.float64),
            np.array([event.wrong is not None for event in events], dtype=np.bool_),
            np.array([uniform(event.message_id, TIE) for event in events], dtype=np.float64),
        )


def join(first: AuditedEvents, second: AuditedEvents) -> AuditedEvents:
    """Return the events of both, in this order."""
    return AuditedEvents(
        np.concatenate([first.confidence, second.confidence]),
        np.concatenate([first.intent, second.intent]),
        np.concatenate([first.error, second.error]),
        np.concatenate([first.weight, second.weight]),
        np.concatenate([first.answered, second.answered]),
        np.concatenate([first.tie, second.tie]),
    )
