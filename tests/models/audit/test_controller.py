import numpy as np
import pytest
from triage_models.audit.controller import ThresholdChange, ThresholdController, threshold_grid
from triage_models.audit.detector import Alarm, Detector
from triage_models.audit.events import AuditedEvents, join

from tests.models.audit.samples import LABELS, audited, calibrated

GRID = threshold_grid(0.7, calibrated(4000, 1).confidence)
PROMISE = Alarm("promise", 59, 0, 100.0)


def mixed(size: int, seed: int, wrong_below: float, border: float = 0.95) -> AuditedEvents:
    """Events that are wrong with this probability below a confidence, and never above it."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.7, 1.0, size)
    return audited((random.random(size) < wrong_below) & (confidence < border), confidence=confidence)


def run(controller: ThresholdController, events: AuditedEvents, part: int = 20) -> list[ThresholdChange]:
    """Feed events in parts, with a new detector after each change, as a service does."""
    changes, detector = [], Detector(LABELS, 0.05, None)
    for start in range(0, len(events), part):
        now = events.take(slice(start, start + part))
        alarms = detector.extend(now.take(now.confidence >= controller.threshold))
        change = controller.update(now, alarms, at=float(start))
        if change is not None:
            changes.append(change)
            detector = Detector(LABELS, 0.05, None)
    return changes


def test_the_grid_starts_at_the_floor_and_rises() -> None:
    assert GRID[0] == 0.7
    assert (np.diff(GRID) > 0).all()
    assert threshold_grid(0.7, np.zeros(0)).tolist() == [0.7]


def test_an_alarm_raises_the_threshold_to_what_the_answers_justify() -> None:
    controller = ThresholdController(GRID, 0.05)
    change = controller.update(mixed(300, 2, 0.4, border=0.9), [PROMISE], at=12.0)
    assert change is not None
    assert change.estimate is not None
    assert change.estimate <= 0.05
    assert 0.7 < change.threshold < GRID[-1]
    assert (change.version, change.previous, change.at, change.advice) == (1, 0.7, 12.0, False)
    assert controller.threshold == change.threshold
    assert "promise alarm" in change.reason


def test_without_an_answer_that_justifies_less_it_rises_to_the_top() -> None:
    controller = ThresholdController(GRID, 0.05)
    change = controller.update(audited([True] * 60, confidence=0.999), [PROMISE], at=0.0)
    assert change is not None
    assert change.threshold == GRID[-1]


def test_it_rises_by_the_confidences_that_are_usual_when_the_alarm_rings() -> None:
    """The grid was made of traffic that was less confident: a fifth of what is accepted is now above another value."""
    controller = ThresholdController(GRID, 0.05)
    now = np.linspace(0.98, 1.0, 1_000)
    controller.look_ahead(now)
    change = controller.update(audited([True] * 60, confidence=0.999), [PROMISE], at=0.0)
    assert change is not None
    assert change.threshold == threshold_grid(0.7, now)[-1] > GRID[-1]
    assert controller.threshold == change.threshold


def test_looking_ahead_takes_no_evidence_from_lower_thresholds() -> None:
    changes = []
    for looks_ahead in (False, True):
        controller = ThresholdController(GRID, 0.05, threshold=float(GRID[-1]), version=1)
        for start in range(0, 3_000, 20):
            if looks_ahead:
                controller.look_ahead(np.linspace(0.9 + start / 40_000, 1.0, 500))
            change = controller.update(mixed(20, start, 0.0), [], at=float(start))
            if change is not None:
                changes.append((change.threshold, change.at))
                break
    assert changes[0] == changes[1]


def test_a_change_within_the_promise_does_not_move_it() -> None:
    controller = ThresholdController(GRID, 0.05)
    events = audited([False] * 59 + [True])
    assert controller.update(events, [Alarm("change", 59, 0, 100.0)], at=0.0) is None
    assert controller.threshold == 0.7


def test_a_notice_does_not_move_it() -> None:
    controller = ThresholdController(GRID, 0.05)
    assert controller.update(audited([True] * 60), [Alarm("confidence", 59, 0, 100.0)], at=0.0) is None


def test_it_comes_down_when_the_drift_is_over_and_never_below_the_floor() -> None:
    controller = ThresholdController(GRID, 0.05)
    changes = run(controller, join(mixed(400, 3, 0.5), mixed(4000, 4, 0.01)))
    thresholds = [one.threshold for one in changes]
    assert thresholds[0] > 0.7
    assert controller.threshold == 0.7
    assert min(thresholds) >= 0.7
    assert [one.version for one in changes] == list(range(1, len(changes) + 1))
    assert changes[-1].alarm is None


def test_a_good_stretch_lowers_it_and_later_errors_raise_it_again() -> None:
    """What is proved about a lower threshold was true for a time; it says nothing about the errors that follow."""
    good, rises = 1_000, []
    for seed in range(6):
        controller = ThresholdController(GRID, 0.05, threshold=float(GRID[-1]), version=1)
        stream = join(mixed(good, seed, 0.01, border=1.1), mixed(1_000, 100 + seed, 0.1, border=1.1))
        changes = run(controller, stream)
        before = [one for one in changes if one.at < good]
        assert before
        assert before[-1].alarm is None
        assert before[-1].threshold < GRID[-1]
        assert "For a time since the last change" in before[-1].reason
        assert "for this version" in before[-1].reason
        rise = next((one for one in changes if one.at >= good and one.alarm is not None), None)
        rises.append(np.inf if rise is None else rise.at - good)
    assert np.median(rises) < 500
    assert np.isfinite(rises).all()


def test_it_does_not_flap_while_the_drift_lasts() -> None:
    controller = ThresholdController(GRID, 0.05)
    changes = run(controller, mixed(6000, 5, 0.3))
    assert 1 <= len(changes) <= 6
    accepted = mixed(4000, 6, 0.3)
    accepted = accepted.take(accepted.confidence >= controller.threshold)
    assert accepted.error.mean() <= 0.07


def test_a_kept_promise_moves_nothing() -> None:
    controller = ThresholdController(GRID, 0.05)
    assert run(controller, calibrated(3000, 11)) == []


def test_a_long_quiet_time_is_forgotten_and_the_latest_answers_count() -> None:
    controller = ThresholdController(GRID, 0.05)
    for _ in range(45):
        controller.update(audited([False] * 1000, confidence=0.9), [], at=0.0)
    change = controller.update(audited([True] * 30, confidence=0.9), [Alarm("promise", 45_029, 45_000, 100.0)], at=0.0)
    assert change is not None
    assert "In the 30 audited events since then, 100.0%" in change.reason


def test_advice_leaves_the_threshold_in_force() -> None:
    controller = ThresholdController(GRID, 0.05, advise_only=True)
    change = controller.update(mixed(300, 2, 0.4), [PROMISE], at=0.0)
    assert change is not None
    assert change.advice
    assert change.threshold > controller.threshold == 0.7


def test_after_advice_a_further_alarm_still_means_the_same_answers() -> None:
    """The threshold has not changed, so the detector goes on, and counts from where it began."""
    controller = ThresholdController(GRID, 0.05, advise_only=True)
    assert controller.update(mixed(300, 2, 0.4), [PROMISE], at=0.0) is not None
    controller.update(audited([False] * 100, confidence=0.9), [], at=1.0)
    change = controller.update(audited([True] * 40, confidence=0.9), [Alarm("change", 439, 400, 100.0)], at=2.0)
    assert change is not None
    assert change.advice
    assert "In the 40 audited events since then, 100.0%" in change.reason


def test_it_goes_on_from_the_version_in_force() -> None:
    controller = ThresholdController(GRID, 0.05, threshold=float(GRID[3]), version=7)
    assert controller.threshold == GRID[3]
    change = controller.update(audited([True] * 60, confidence=0.97), [PROMISE], at=0.0)
    assert change is not None
    assert change.version == 8
    assert change.threshold > GRID[3]


def test_at_the_top_it_stays() -> None:
    controller = ThresholdController(GRID, 0.05, threshold=float(GRID[-1]))
    assert controller.update(audited([True] * 60, confidence=1.0), [PROMISE], at=0.0) is None


def test_a_repeat_gives_the_same_changes() -> None:
    first, second = (run(ThresholdController(GRID, 0.05), mixed(1500, 9, 0.4)) for _ in range(2))
    assert first == second
    assert first


def test_no_events_and_no_alarm_are_no_change() -> None:
    controller = ThresholdController(GRID, 0.05)
    assert controller.update(AuditedEvents.of([], LABELS), [], at=0.0) is None
    assert controller.version == 0


def test_the_estimate_is_weighted() -> None:
    controller = ThresholdController(GRID, 0.05, largest_weight=1.5)
    wrong = [True] * 30 + [False] * 30
    change = controller.update(audited(wrong, confidence=0.999, weight=np.repeat([1.5, 0.5], 30)), [PROMISE], at=0.0)
    assert change is not None
    assert change.estimate == pytest.approx(0.75)
