"""Audited events for the tests."""

import numpy as np
from triage_models.audit.events import AuditedEvents
from triage_models.audit.selection import Floats

LABELS = tuple("ABCDEFGHI")


def audited(
    wrong: "np.ndarray[tuple[int], np.dtype[np.bool_]] | list[bool]",
    *,
    confidence: Floats | float = 0.95,
    intent: "np.ndarray[tuple[int], np.dtype[np.int64]] | int" = 0,
    weight: Floats | float = 1.0,
    seed: int = 0,
) -> AuditedEvents:
    """Events that a person answered each, with equal values where only one is given."""
    flags = np.asarray(wrong, dtype=np.bool_)
    size = len(flags)
    return AuditedEvents(
        np.broadcast_to(np.asarray(confidence, dtype=np.float64), size).copy(),
        np.broadcast_to(np.asarray(intent, dtype=np.int64), size).copy(),
        flags.astype(np.float64),
        np.broadcast_to(np.asarray(weight, dtype=np.float64), size).copy(),
        np.ones(size, dtype=np.bool_),
        np.random.default_rng(seed).random(size),
    )


def calibrated(size: int, seed: int, doubt: float = 0.03) -> AuditedEvents:
    """Events of all intents that are wrong with exactly the probability that their confidence states."""
    random = np.random.default_rng(seed)
    confidence = 1.0 - np.minimum(doubt * random.gamma(0.8, 1.25, size), 0.3)
    wrong = random.random(size) < 1.0 - confidence
    return audited(wrong, confidence=confidence, intent=random.integers(len(LABELS), size=size), seed=seed + 1)
