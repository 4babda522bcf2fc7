import numpy as np
import pytest
from triage_models.audit.allowance import Allowance
from triage_models.audit.change import ChangeTest
from triage_models.audit.detector import FALSE_ALARM_SHARES, GUARANTEES, Alarm, Detector, Kind
from triage_models.audit.events import AuditedEvent, AuditedEvents, join
from triage_models.audit.promise import PromiseTest

from tests.models.audit.samples import LABELS, audited, calibrated

REFERENCE = calibrated(4000, 100)
ALLOWANCE = Allowance.fit(REFERENCE.confidence, REFERENCE.intent, REFERENCE.found, LABELS, max_error=0.05)


def detect(events: AuditedEvents) -> dict[Kind, Alarm]:
    detector = Detector(LABELS, 0.05, ALLOWANCE)
    detector.extend(events)
    return dict(detector.alarms)


def test_without_drift_alarms_are_rare_however_long_it_is_watched() -> None:
    alarmed = [any(not one.is_notice for one in detect(calibrated(3000, seed)).values()) for seed in range(60)]
    assert np.mean(alarmed) <= 0.1


def test_at_exactly_the_promised_rate_the_promise_alarm_is_rare() -> None:
    limit, fixed = -np.log(0.05), 0
    watched = 0
    for seed in range(100):
        flags = np.random.default_rng(seed).random(2000) < 0.05
        watched += bool((PromiseTest(0.05).extend(audited(flags)) >= limit).any())
        # A test for one fixed size, looked at again and again, breaks the same bar.
        size = np.arange(1, 2001)
        z = (np.cumsum(flags) - 0.05 * size) / np.sqrt(0.05 * 0.95 * size)
        fixed += bool((z[50:] > 1.645).any())
    assert watched <= 10
    assert fixed > 20


def test_the_change_test_needs_no_calibration_and_no_promise() -> None:
    """30 % wrong, at confidences that say 1 %: nothing changes, so nothing is said."""
    alarmed = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        events = audited(random.random(800) < 0.3, confidence=random.uniform(0.98, 1.0, 800), seed=seed)
        overall, by_intent = ChangeTest(LABELS).extend(events)
        alarmed += bool((np.maximum(overall, by_intent) >= np.log(40)).any())
    assert alarmed <= 6


@pytest.mark.parametrize("kind", ["promise", "change", "confidence"])
def test_drift_is_noticed_by_each_test(kind: Kind) -> None:
    random = np.random.default_rng(0)
    drift = audited(random.random(600) < 0.25, confidence=0.98, intent=random.integers(9, size=600))
    alarm = detect(join(calibrated(400, 7), drift))[kind]
    assert 400 <= alarm.event < 600
    assert 350 <= alarm.since <= alarm.event
    assert alarm.evidence * 0.05 * FALSE_ALARM_SHARES[kind] >= 1.0
    assert kind in GUARANTEES


def test_a_drift_of_one_intent_is_noticed_in_its_answers() -> None:
    drift = calibrated(500, 9)
    wrong = drift.found | (drift.intent == 4)
    changed = audited(wrong, confidence=drift.confidence, intent=drift.intent)
    assert detect(join(calibrated(500, 8), changed))["change"].event < 700


def test_parts_give_what_the_whole_gives() -> None:
    random = np.random.default_rng(1)
    drift = audited(random.random(300) < 0.3, confidence=0.97, intent=random.integers(9, size=300))
    events = join(calibrated(200, 3), drift)
    detector = Detector(LABELS, 0.05, ALLOWANCE)
    for start in range(0, len(events), 11):
        detector.extend(events.take(slice(start, start + 11)))
    whole = detect(events)
    assert {kind: one.event for kind, one in detector.alarms.items()} == {k: one.event for k, one in whole.items()}


def test_an_alarm_is_raised_once() -> None:
    detector = Detector(LABELS, 0.05, ALLOWANCE)
    first = detector.extend(audited([True] * 100))
    assert {one.kind for one in first} >= {"promise", "confidence"}
    assert detector.extend(audited([True] * 100)) == []
    assert detector.evidence["promise"] > 1.0


def test_no_answers_are_no_evidence() -> None:
    detector = Detector(LABELS, 0.05, None)
    assert detector.extend(AuditedEvents.of([], LABELS)) == []
    assert set(detector.evidence.values()) == {0.0}


def test_without_an_allowance_there_is_no_notice() -> None:
    detector = Detector(LABELS, 0.05, None)
    detector.extend(audited([True] * 100))
    assert "confidence" not in detector.alarms


def test_a_second_reader_cuts_the_answers_that_people_give() -> None:
    alone, helped = [], []
    for seed in range(12):
        events = join(calibrated(4000, seed), spoiled(calibrated(4000, seed + 50), seed))
        alarm = Detector(LABELS, 0.05, None, scale=1000.0)
        alarm.extend(events.take(slice(3500, None)))
        alone.append(min((one.event for one in alarm.alarms.values()), default=4500) - 500)
        read = second_reading(events, seed)
        detector = Detector(LABELS, 0.05, None, scale=8000.0)
        detector.extend(read)
        first = min(one.event for one in detector.alarms.values())
        helped.append(int(read.answered[4000 : first + 1].sum()))
    assert np.median(helped) < 40
    assert np.median(helped) < np.median(alone) / 2


def spoiled(events: AuditedEvents, seed: int) -> AuditedEvents:
    """The same events, of which 10 % are wrong."""
    extra = np.random.default_rng(seed).random(len(events)) < 0.07
    return audited(events.found | extra, confidence=events.confidence, intent=events.intent, seed=seed)


def second_reading(events: AuditedEvents, seed: int) -> AuditedEvents:
    """A second reader contradicts 90 % of what is wrong and 5 % of what is right; people check that, and 5 % more."""
    random = np.random.default_rng(seed)
    contradicts = random.random(len(events)) < np.where(events.found, 0.9, 0.05)
    ask = np.where(contradicts, 1.0, 0.05)
    answered = random.random(len(events)) < ask
    error = np.where(answered & events.found, 1.0 / ask, 0.0)
    return AuditedEvents(events.confidence, events.intent, error, events.weight, answered, events.tie)


def test_events_become_arrays() -> None:
    events = AuditedEvents.of(
        [
            AuditedEvent("1", 0.9, "B", wrong=True, weight=0.5, ask_probability=0.25),
            AuditedEvent("2", 0.8, "A", wrong=None, ask_probability=0.05),
            AuditedEvent("3", 0.7, "A", wrong=False),
        ],
        LABELS,
    )
    assert events.error.tolist() == [4.0, 0.0, 0.0]
    assert events.answered.tolist() == [True, False, True]
    assert events.intent.tolist() == [1, 0, 0]
    assert len(set(events.tie.tolist())) == 3
