import numpy as np
import pytest
from triage_models.audit.events import AuditedEvents
from triage_models.audit.recovery import RecoveryTest

LIMIT = np.log(20)


def events(rate: float, size: int, seed: int, ask: float) -> AuditedEvents:
    """Events of which people see this share, and all that are wrong at a confidence below 0.9."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.7, 1.0, size)
    wrong = random.random(size) < rate
    asked = np.where(confidence < 0.9, 1.0, ask)
    answered = random.random(size) < asked
    error = np.where(answered & wrong, 1.0 / asked, 0.0)
    return AuditedEvents(
        confidence, np.zeros(size, dtype=np.int64), error, np.ones(size), answered, random.random(size)
    )


def proved(rate: float, size: int, seed: int, ask: float) -> bool:
    """Whether it is ever proved that fewer than 5 % above the lowest threshold are wrong."""
    test = RecoveryTest(np.array([0.7, 0.8]), 0.05, least_ask_probability=ask)
    found = False
    for start in range(0, size, 50):
        test.extend(events(rate, size, seed, ask).take(slice(start, start + 50)))
        found |= bool(test.evidence[0] >= LIMIT)
    return found


@pytest.mark.parametrize("ask", [1.0, 0.2])
def test_recovery_is_rarely_proved_while_the_promise_is_broken_by_little(ask: float) -> None:
    assert np.mean([proved(0.05, 1500, seed, ask) for seed in range(60)]) <= 0.1


def test_recovery_is_proved_when_few_are_wrong() -> None:
    assert all(proved(0.01, 1500, seed, 1.0) for seed in range(5))


def test_each_threshold_sees_the_events_above_it() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.7, 1.0, 2000)
    wrong = (confidence < 0.85) & (random.random(2000) < 0.4)
    now = AuditedEvents(
        confidence,
        np.zeros(2000, dtype=np.int64),
        wrong.astype(np.float64),
        np.ones(2000),
        wrong | True,
        random.random(2000),
    )
    test = RecoveryTest(np.array([0.7, 0.85]), 0.05)
    test.extend(now)
    assert test.evidence[0] < LIMIT <= test.evidence[1]
