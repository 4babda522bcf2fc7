from math import comb

import numpy as np
import pytest
from triage_models.audit.confidence_sequence import ErrorBound, IntentBounds
from triage_models.audit.events import AuditedEvents

from tests.models.audit.samples import LABELS, audited, calibrated

STREAMS, LENGTH, LOOKS = 100, 600, tuple(range(20, 601, 20))
BROKEN_AT_MOST = 0.1
"""Of 100 streams: 5 % and a margin of more than two standard deviations."""


def share_outside(rate: float, *, weighted: bool = False) -> float:
    """The share of streams whose true rate is outside the bounds at any look."""
    outside = 0
    for seed in range(STREAMS):
        events, largest = draw(rate, seed, weighted)
        bound = ErrorBound(largest_weight=largest)
        start = 0
        for end in LOOKS:
            now = bound.extend(events.take(slice(start, end))).bound()
            start = end
            if not now.lower <= rate <= now.upper:
                outside += 1
                break
    return outside / STREAMS


def draw(rate: float, seed: int, weighted: bool) -> tuple[AuditedEvents, float]:
    """Events with this error rate; if weighted, doubtful ones are wrong more often, and are audited more often."""
    random = np.random.default_rng(seed)
    if not weighted:
        return audited(random.random(LENGTH) < rate), 1.0
    # A third of the traffic is doubtful. It is audited twice as often, so it is half of what is audited.
    doubtful = random.random(LENGTH) < 0.5
    wrong = random.random(LENGTH) < np.where(doubtful, 2.4 * rate, 0.3 * rate)
    return audited(wrong, weight=np.where(doubtful, 0.75, 1.5)), 1.5


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.5])
def test_the_bounds_hold_at_all_times_together(rate: float) -> None:
    assert share_outside(rate) <= BROKEN_AT_MOST


def test_weights_correct_for_unequal_auditing() -> None:
    assert share_outside(0.05, weighted=True) <= BROKEN_AT_MOST


def test_a_bound_for_one_fixed_time_would_not_hold_when_watched() -> None:
    """The same test finds that Clopper and Pearson's interval is broken: it can fail."""
    tails = {look: binomial_tails(look, 0.05) for look in LOOKS}
    outside = 0
    for seed in range(STREAMS):
        errors = np.cumsum(draw(0.05, seed, weighted=False)[0].found)
        # It excludes a rate at which so many errors, or so few, have a probability of less than 2.5 %.
        outside += any(tails[look][errors[look - 1]] < 0.025 for look in LOOKS)
    assert outside / STREAMS > 0.15


def binomial_tails(size: int, rate: float) -> list[float]:
    """The smaller of the probabilities of at most and of at least so many errors, for 0 to ``size`` errors."""
    chance = np.array([comb(size, errors) * rate**errors * (1 - rate) ** (size - errors) for errors in range(size + 1)])
    smaller: list[float] = np.minimum(np.cumsum(chance), np.cumsum(chance[::-1])[::-1]).tolist()
    return smaller


def test_nothing_is_known_before_the_first_answer() -> None:
    bound = ErrorBound().bound()
    assert (bound.lower, bound.upper, bound.estimate, bound.events) == (0.0, 1.0, None, 0)


def test_bounds_close_in_on_the_rate() -> None:
    random = np.random.default_rng(1)
    bound = ErrorBound()
    wide = bound.extend(audited(random.random(200) < 0.04)).bound()
    narrow = bound.extend(audited(random.random(5000) < 0.04)).bound()
    assert wide.lower <= narrow.lower < 0.04 < narrow.upper < wide.upper
    assert narrow.upper - narrow.lower < 0.03
    assert narrow.answers == narrow.events == 5200


def test_all_wrong_and_all_right() -> None:
    assert ErrorBound().extend(audited([True] * 60)).bound().lower > 0.85
    right = ErrorBound().extend(audited([False] * 300)).bound()
    assert right.lower == 0.0
    assert right.upper < 0.03


def test_a_further_error_raises_both_bounds() -> None:
    start = [False] * 90 + [True] * 5
    without, more = (ErrorBound().extend(audited([*start, last])).bound() for last in (False, True))
    assert more.lower >= without.lower
    assert more.upper >= without.upper
    assert more.upper > without.upper or more.lower > without.lower


def test_the_order_of_answers_does_not_matter_without_weights() -> None:
    flags = np.random.default_rng(3).random(400) < 0.05
    forth, back = (ErrorBound().extend(audited(one)).bound() for one in (flags, flags[::-1]))
    assert forth == back


def test_the_bound_follows_no_later_than_in_parts() -> None:
    events = calibrated(300, 5)
    parts = ErrorBound()
    for start in range(0, 300, 7):
        parts.extend(events.take(slice(start, start + 7)))
    assert parts.bound() == ErrorBound().extend(events).bound()


def test_a_file_that_is_read_whole_has_an_exact_rate() -> None:
    flags = np.random.default_rng(2).permutation(np.arange(200) < 9)
    bound = ErrorBound(population=200).extend(audited(flags)).bound()
    assert bound.lower == pytest.approx(9 / 200)
    assert bound.upper == pytest.approx(9 / 200)


def test_a_file_needs_fewer_answers_than_a_stream() -> None:
    flags = np.random.default_rng(2).permutation(np.arange(600) < 18)[:400]
    stream, file = (ErrorBound(population=size).extend(audited(flags)).bound() for size in (None, 600))
    assert file.upper < stream.upper
    assert file.lower >= stream.lower


@pytest.mark.parametrize("population", [200, 3000])
def test_the_bounds_of_a_file_hold_at_all_times_together(population: int) -> None:
    outside = 0
    rate = 0.06
    for seed in range(STREAMS // 2):
        flags = np.random.default_rng(seed).permutation(np.arange(population) < rate * population)
        bound = ErrorBound(population=population)
        for start in range(0, 200, 10):
            now = bound.extend(audited(flags[start : start + 10])).bound()
            if not now.lower - 1e-9 <= rate <= now.upper + 1e-9:
                outside += 1
                break
    assert outside / (STREAMS // 2) <= BROKEN_AT_MOST


def test_a_file_has_no_more_events_than_it_has() -> None:
    with pytest.raises(ValueError, match="All 5 events"):
        ErrorBound(population=5).extend(audited([False] * 6))


def test_a_file_without_events_has_no_rate() -> None:
    with pytest.raises(ValueError, match="without events"):
        ErrorBound(population=0)


def test_a_file_is_audited_with_equal_probabilities() -> None:
    with pytest.raises(ValueError, match="equal probabilities"):
        ErrorBound(population=5, largest_weight=2.0)


def test_bounds_by_intent_are_wider_than_alone() -> None:
    events = calibrated(2000, 8)
    bounds = IntentBounds(LABELS).extend(events)
    for number, label in enumerate(LABELS):
        own = events.take(events.intent == number)
        alone, together = ErrorBound().extend(own).bound(), bounds.by_intent()[label]
        assert together.events == len(own)
        assert together.lower <= alone.lower <= alone.upper <= together.upper
    assert bounds.overall().confidence == pytest.approx(0.975)
