"""What the audit makes of requests and answers: the bound, alarms, changes, and what is left out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from aiokafka.structs import TopicPartition
from triage_schemas.events import LabelEvent, ModelRef, ThresholdEvent
from triage_worker.audit.evidence import LEAST_ERRORS, LEAST_REFERENCE, REFERENCE, Evidence
from triage_worker.kafka.record_order import in_order

from tests.worker.audit.streams import BUNDLE, FLOOR, MANIFEST, NOON, answer, answers, calibrated, placed, request

STEADY = [0.03] * 400
BROKEN = [*STEADY, *[0.4] * 400]
CONFIDENCE = [0.995] * 900 + [0.8] * 100
WRONG = [one == 0.8 and number % 5 == 0 for number, one in enumerate(CONFIDENCE)]
"""Calibration rows: the most confident ones are right, and a fifth of the others is wrong."""

OTHER = ModelRef(name=BUNDLE.name, version="another")


def evidence(in_force: ThresholdEvent | None = None, *, advise_only: bool = True) -> Evidence:
    return Evidence(MANIFEST, in_force, advise_only=advise_only)


def test_the_bound_stands_on_the_answers_of_people_about_this_bundle() -> None:
    audit = evidence()
    assert audit.add_answers(placed([*answers([0.0] * 30), answer(100, 0.99, wrong=True)])) == []
    audit.add_answers(placed([answer(100, 0.99, wrong=False)]))  # the first answer counts
    audit.add_answers(
        placed([answer(101, 0.99, wrong=True, decided_by="llm"), answer(102, 0.99, wrong=True, model=OTHER)])
    )
    report = audit.report()
    assert (report.answers, report.repeats, report.other_bundles) == (31, 1, 1)
    assert (report.overall.answers, report.overall.errors) == (31, 1)
    assert (report.by_intent["WISMO"].answers, report.by_intent["OTHER"].answers) == (31, 0)
    assert (report.promised, report.threshold, report.version) == (0.05, FLOOR, 0)
    assert 0.0 < report.overall.upper < 1.0


def test_a_kept_promise_raises_no_alarm_and_a_broken_one_does() -> None:
    audit = evidence()
    audit.add_answers(placed(answers(STEADY)))
    assert audit.report().alarms == []
    assert audit.report().overall.lower < 0.03 < audit.report().overall.upper
    audit.add_answers(placed(list(answers(BROKEN))[400:]))
    assert "promise" in {alarm.kind for alarm in audit.report().alarms}


def test_an_audit_that_only_advises_changes_nothing_and_says_what_it_would_change() -> None:
    audit = evidence()
    assert audit.add_answers(placed(answers(BROKEN))) == []
    report = audit.report()
    assert (report.threshold, report.version) == (FLOOR, 0)
    assert report.last_change is not None
    assert (report.last_change.advice, report.last_change.threshold > FLOOR) == (True, True)


def test_an_audit_that_acts_raises_the_threshold_and_begins_anew() -> None:
    audit = evidence(advise_only=False)
    stream = list(answers(BROKEN))
    [change, *_] = audit.add_answers(placed(stream))
    assert (change.version, change.model, change.previous) == (1, BUNDLE, FLOOR)
    assert change.threshold > FLOOR
    assert change.alarm in {"promise", "change"}
    assert change.lower <= change.upper
    counted = sum(one.labelled_at <= change.answered_until for one in stream)
    assert 400 < counted < 500, "the alarm came too early or too late"


def test_a_restarted_audit_has_the_same_evidence_as_one_that_went_on() -> None:
    going_on, stream = evidence(advise_only=False), list(answers(BROKEN))
    changes = going_on.add_answers(placed(stream))
    restarted = evidence(changes[-1], advise_only=False)
    restarted.add_answers(placed(stream))
    assert restarted.report().overall == going_on.report().overall
    assert restarted.report().version == going_on.report().version == changes[-1].version
    assert restarted.report().threshold == going_on.report().threshold


def decide(stream: Iterable[LabelEvent], audit: Evidence) -> tuple[list[LabelEvent], ThresholdEvent]:
    """Give answers one by one until there is a decision; returns those that were given, and the decision."""
    given: list[LabelEvent] = []
    for label in stream:
        given.append(label)
        for change in audit.add_answers(placed([label])):
            return given, change
    raise AssertionError("there was no decision")


def test_a_restarted_audit_counts_no_answer_again_if_clocks_differ() -> None:
    """The answer that leads to the decision comes from a machine whose clock is a minute behind."""
    given, change = decide(answers(BROKEN), evidence(advise_only=False))
    given[-1] = given[-1].model_copy(update={"labelled_at": given[-1].labelled_at - timedelta(minutes=1)})
    again, behind = decide(given, evidence(advise_only=False))
    assert (len(again), behind.threshold) == (len(given), change.threshold)
    restarted = evidence(behind, advise_only=False)
    restarted.add_answers(placed(given))
    assert restarted.report().overall.answers == 0


AHEAD = timedelta(days=365)


def from_a_fast_clock(stream: list[LabelEvent]) -> list[LabelEvent]:
    """Every seventh answer is given on a machine whose clock is a year ahead."""
    moved = {"labelled_at": NOON + AHEAD}
    return [one.model_copy(update=moved) if number % 7 == 0 else one for number, one in enumerate(stream)]


def test_answers_count_after_a_decision_that_stands_on_an_answer_from_the_future() -> None:
    recovery = [one for one in answers([0.0] * 1_500, seed=1) if one.source.offset >= 800]
    stream = from_a_fast_clock([*answers(BROKEN), *recovery])
    going_on = evidence(advise_only=False)
    changes = going_on.add_answers(placed(stream))
    assert changes[0].answered_until == NOON + AHEAD
    assert going_on.report().overall.answers > 0
    restarted = evidence(ThresholdEvent.read(changes[-1].write()), advise_only=False)
    restarted.add_answers(placed(stream))
    assert restarted.report().overall == going_on.report().overall
    assert restarted.report().overall.answers > 0


def test_the_offsets_of_all_partitions_say_which_answers_led_to_a_decision() -> None:
    """Half of the answers are on another partition, and the decision is made while more of them are unread."""
    stream = list(answers(BROKEN))
    here, there = placed(stream[::2], 0), placed(stream[1::2], 1)
    audit = evidence(advise_only=False)
    order = in_order([*here, *there])
    change = audit.add_answers(order)[-1]
    assert change.answered_before is not None
    assert [(one.topic, one.partition) for one in change.answered_before] == [("labels", 0), ("labels", 1)]
    restarted = evidence(change)
    restarted.add_answers([*there, *here])
    assert restarted.report().overall.answers == audit.report().overall.answers
    new = evidence(change)
    new.add_answers(placed([one.model_copy(update={"labelled_at": NOON}) for one in answers([0.0] * 40)], 2))
    assert new.report().repeats == 0
    assert new.report().overall.answers > 0, "a partition that the decision does not know was added later"


@pytest.mark.parametrize("why", ["written by hand", "of another topic", "of a topic that was created again"])
def test_without_offsets_that_say_anything_times_decide(why: str) -> None:
    change = evidence(advise_only=False).add_answers(placed(answers(BROKEN)))[0]
    ends: dict[TopicPartition, int] = {}
    stream = placed(answers([0.0] * 1_000))
    if why == "written by hand":
        change = change.model_copy(update={"answered_before": None})
    elif why == "of another topic":
        stream = [replace(one, place=TopicPartition("another", 0)) for one in stream]
    else:
        ends = {TopicPartition("labels", 0): 7}
    audit = Evidence(MANIFEST, change, advise_only=True, ends=ends)
    later = [one for one in stream if one.event.labelled_at > change.answered_until]
    audit.add_answers([replace(one, offset=number) for number, one in enumerate(stream)][: -len(later)])
    assert audit.report().overall.answers == 0
    audit.add_answers([replace(one, offset=0) for one in later])
    accepted = sum(one.event.audited is not None and one.event.audited.confidence >= change.threshold for one in later)
    assert audit.report().overall.answers == accepted > 0


def test_evidence_stands_on_one_decision_also_if_another_has_its_version() -> None:
    audit, stream = evidence(advise_only=False), list(answers(BROKEN))
    assert audit.stands_on(None)
    own = audit.add_answers(placed(stream))[-1]
    assert audit.stands_on(ThresholdEvent.read(own.write()))
    assert not audit.stands_on(None)
    later = own.answered_until + timedelta(seconds=1)
    for changed in ({"threshold": own.threshold + 0.001}, {"answered_until": later}, {"version": own.version + 1}):
        assert not audit.stands_on(own.model_copy(update=changed))


def test_a_version_that_answers_name_is_not_given_to_another_decision() -> None:
    """It was taken back: the control topic has nothing of it."""
    audit = evidence(advise_only=False)
    audit.add_answers(placed([answer(9_000, 0.99, wrong=False, version=4)]))
    change, *_ = audit.add_answers(placed(answers(BROKEN)))
    assert (change.version, audit.report().version) == (5, audit.version)


def test_a_raised_threshold_comes_down_when_the_answers_prove_that_it_may() -> None:
    up = evidence(advise_only=False).add_answers(placed(answers(BROKEN)))[0]
    later = evidence(up, advise_only=False)
    recovered = [one for one in answers([0.0] * 3_000, seed=1) if one.labelled_at > up.answered_until]
    changes = later.add_answers(placed(recovered))
    assert changes, "3,000 answers without an error prove nothing"
    assert (changes[0].version, changes[0].alarm) == (2, None)
    assert FLOOR <= changes[0].threshold < up.threshold


def test_a_threshold_below_the_floor_is_not_in_force() -> None:
    up = evidence(advise_only=False).add_answers(placed(answers(BROKEN)))[0]
    assert evidence(up.model_copy(update={"threshold": 0.1})).report().threshold == FLOOR


def test_answers_below_a_raised_threshold_do_not_count_for_the_bound() -> None:
    up = evidence(advise_only=False).add_answers(placed(answers(BROKEN)))[0]
    audit = evidence(up)
    audit.add_answers(placed([answer(10_000, FLOOR, wrong=True), answer(10_001, 1.0, wrong=False)]))
    assert (audit.report().overall.answers, audit.report().overall.errors) == (1, 0)


def test_without_answers_the_confidences_say_what_is_expected() -> None:
    audit = evidence()
    assert audit.report().expected_error_share is None
    audit.add_requests([request(number, 0.96) for number in range(REFERENCE)])
    audit.add_requests([request(3, 0.5), request(9_000, 0.5, OTHER), request(9_001, 0.5, is_audit=False)])
    report = audit.report()
    assert report.requests == REFERENCE
    assert report.expected_error_share == pytest.approx(0.04)
    assert report.confidence_drift is None
    audit.add_requests([request(REFERENCE + number, 0.96) for number in range(LEAST_REFERENCE)])
    assert audit.report().confidence_drift == pytest.approx(0.0, abs=0.02)
    moved = np.linspace(FLOOR, 0.9, 4_000)
    audit.add_requests([request(2_000 + number, one) for number, one in enumerate(moved.tolist())])
    drift = audit.report().confidence_drift
    assert drift is not None
    assert drift > 0.5


def test_drift_is_measured_from_the_calibration_rows_where_the_bundle_has_them() -> None:
    audit = Evidence(calibrated([0.99] * 300, [False] * 300), None, advise_only=True)
    audit.add_requests([request(number, 0.99) for number in range(LEAST_REFERENCE - 1)])
    assert audit.report().confidence_drift is None
    audit.add_requests([request(LEAST_REFERENCE, 0.99)])
    assert audit.report().confidence_drift == pytest.approx(0.0, abs=0.05)
    moved = Evidence(calibrated([0.99] * 300, [False] * 300), None, advise_only=True)
    moved.add_requests([request(number, 0.86) for number in range(LEAST_REFERENCE)])
    drift = moved.report().confidence_drift
    assert drift is not None
    assert drift > 0.5


def test_confident_errors_are_noticed_where_it_is_known_which_errors_confidences_allow() -> None:
    """Every fortieth of the most confident ones is wrong: the promise is kept, and 0.995 can't be believed."""
    known = Evidence(calibrated(CONFIDENCE, WRONG), None, advise_only=True)
    unknown = evidence()
    stream = [answer(number, 0.995, wrong=number % 40 == 0) for number in range(1_500)]
    for audit in (known, unknown):
        audit.add_answers(placed(stream))
    assert {alarm.kind for alarm in known.report().alarms} == {"confidence"}
    assert all(alarm.is_notice for alarm in known.report().alarms)
    assert known.report().last_change is None
    assert unknown.report().alarms == []


def test_errors_as_the_calibration_rows_had_them_raise_no_notice() -> None:
    audit = Evidence(calibrated(CONFIDENCE, WRONG), None, advise_only=True)
    order = np.random.default_rng(3).permutation(1_000)
    audit.add_answers(
        placed([answer(number, CONFIDENCE[at], wrong=WRONG[at]) for number, at in enumerate(order.tolist())])
    )
    assert audit.report().alarms == []


@pytest.mark.parametrize("rows", [0, LEAST_REFERENCE - 1])
def test_a_bundle_with_few_calibration_rows_is_like_one_without_them(rows: int) -> None:
    audit = Evidence(calibrated([0.99] * rows, [False] * rows), None, advise_only=True)
    audit.add_requests([request(number, 0.96) for number in range(LEAST_REFERENCE)])
    audit.add_answers(placed(answers(STEADY)))
    report = audit.report()
    assert (report.confidence_drift, report.alarms) == (None, [])
    assert report.evidence["confidence"] == 0.0


@pytest.mark.parametrize(("errors", "noticed"), [(LEAST_ERRORS - 1, False), (LEAST_ERRORS, True)])
def test_few_errors_among_many_calibration_rows_do_not_say_what_a_confidence_allows(
    errors: int, *, noticed: bool
) -> None:
    audit = Evidence(calibrated([0.99] * 500, [number < errors for number in range(500)]), None, advise_only=True)
    audit.add_answers(placed(answers(STEADY)))
    assert (audit.report().evidence["confidence"] != 0.0) is noticed


def test_the_highest_threshold_accepts_a_fifth_of_the_latest_requests_and_not_of_the_first() -> None:
    """Confidences are lower than they were a year ago, and all errors are confident: it rises as far as it can."""
    audit = evidence(advise_only=False)
    audit.add_requests([request(number, 0.99) for number in range(2_000)])
    assert audit.add_answers(placed([answer(number, 0.99, wrong=False) for number in range(60)])) == []
    latest = np.linspace(FLOOR, 0.9, REFERENCE)
    audit.add_requests([request(5_000 + number, one) for number, one in enumerate(latest.tolist())])
    [change] = audit.add_answers(placed([answer(5_000 + number, 0.95, wrong=True) for number in range(60)]))[:1]
    assert change.threshold == pytest.approx(np.quantile(latest, 0.8), abs=0.01)


def test_a_restarted_audit_judges_the_same_lower_thresholds_whatever_requests_it_finds() -> None:
    """The review topic keeps requests for a month; a threshold that is chosen anew would begin without evidence."""
    up = evidence(advise_only=False).add_answers(placed(answers(BROKEN)))[0]
    assert up.may_fall_to is not None
    assert up.may_fall_to[0] == FLOOR
    assert max(up.may_fall_to) < up.threshold
    middle = up.may_fall_to[len(up.may_fall_to) // 2]
    confidences = np.linspace(FLOOR, 0.999, 40)
    recovered = placed(
        answer(10_000 + number, one, wrong=one < middle) for number, one in enumerate(np.tile(confidences, 40).tolist())
    )
    fallen = []
    for confidence in (0.99, 0.75):
        audit = evidence(up, advise_only=False)
        audit.add_requests([request(20_000 + number, confidence) for number in range(REFERENCE)])
        fallen.append(audit.add_answers(recovered)[0].threshold)
    assert fallen[0] == fallen[1] == middle


def test_no_threshold_is_chosen_before_it_is_known_what_it_would_accept() -> None:
    audit = evidence(advise_only=False)
    assert audit.add_answers(placed(answers([1.0] * (LEAST_REFERENCE - 1)))) == []
    assert "promise" in {alarm.kind for alarm in audit.report().alarms}
    [change] = audit.add_answers(placed([answer(5_000, 0.99, wrong=True)]))
    assert change.version == 1
