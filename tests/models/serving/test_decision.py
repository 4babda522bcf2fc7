"""Logits and similarities in, decisions out: the arithmetic, and what it promises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from triage_models.bundle.manifest import (
    FEATURES,
    SUGGESTION,
    Calibration,
    Guarantee,
    IntentThreshold,
    Manifest,
    Suggestion,
    Thresholds,
)
from triage_models.serving.decision import (
    Decision,
    Floats,
    assess,
    confidence_features,
    confidences,
    decisions_of,
    softmax,
    without_intent,
)

LABELS = ("cancel", "refund", "where")
LOGITS = st.lists(st.floats(-20, 20, width=32), min_size=4, max_size=4)
COSINES = st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4)
WEIGHTS = st.tuples(*[st.floats(0, 5)] * len(FEATURES))


def manifest(
    *,
    scope: str | None = "OOS",
    temperature: float = 1.0,
    weights: Sequence[float] = (1.0, 0.0, 0.0, 0.0, 0.0),
    intercept: float = 0.0,
    confidence: float = 0.6,
    familiarity: float = 0.3,
    by_intent: dict[str, float] | None = None,
    suggest: float | None = None,
) -> Manifest:
    """A manifest whose confidence is, unless another is passed, the probability of the likeliest label."""
    guarantee = Guarantee(
        risk=0.05, confidence=0.95, certified=True, method="by hand", calibration_rows=1, accepted_rows=1, errors=0,
        upper_bound=0.04, coverage=1.0,
    )  # fmt: skip
    intents = {name: IntentThreshold(confidence=own, guarantee=guarantee) for name, own in (by_intent or {}).items()}
    suggestion = None if suggest is None else Suggestion(confidence=suggest, guarantee=guarantee)
    return Manifest(
        name="made",
        version="1",
        created_at="2026-01-01T00:00:00+00:00",
        labels=LABELS,
        out_of_scope_label=scope,
        descriptions={},
        max_length=64,
        calibration=Calibration(
            temperature=temperature, weights=tuple(weights), intercept=intercept, fitted_on="nothing", rows=0
        ),
        thresholds=Thresholds(
            confidence=confidence, familiarity=familiarity, guarantee=guarantee, by_intent=intents or None
        ),
        golden={},
        files={},
        metrics={} if suggestion is None else {SUGGESTION: suggestion.model_dump()},
        training={},
    )


def row(*values: float) -> Floats:
    return np.array([values], dtype=np.float32)


def logits_of(*probabilities: float) -> Floats:
    return np.log(row(*probabilities))


def decided(of: Manifest, logits: Floats, similarity: Floats, truncated: bool = False) -> Decision:
    (decision,) = decisions_of(of.labels, assess(of, logits, similarity), [truncated])
    return decision


def test_softmax_divides_by_the_temperature_and_sums_to_one() -> None:
    found = softmax(row(2.0, 0.0), 2.0)
    assert found[0, 0] == pytest.approx(np.e / (np.e + 1.0))
    assert found.sum(axis=1) == pytest.approx(1.0)


@given(LOGITS, st.floats(0.05, 20))
def test_softmax_holds_for_any_logits(logits: list[float], temperature: float) -> None:
    found = softmax(row(*logits), temperature)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert found.argmax() == np.argmax(logits) or found.max() == pytest.approx(found[0, np.argmax(logits)])


def test_features_are_what_their_names_say() -> None:
    probabilities, similarity = row(0.6, 0.2, 0.1, 0.1), row(0.7, 0.5, 0.2, 0.6)
    log_odds, margin, in_scope, familiarity, agreement = confidence_features(probabilities, similarity, 3)[0]
    assert log_odds == pytest.approx(np.log(0.6 / 0.4), abs=1e-5)
    assert margin == pytest.approx(np.log(3.0), abs=1e-4)
    assert in_scope == pytest.approx(np.log(0.9 / 0.1), abs=1e-5)
    assert familiarity == pytest.approx(0.7)
    assert agreement == pytest.approx(0.1)  # the nearest other class is out of scope, at 0.6


def test_agreement_is_negative_where_another_class_is_nearer() -> None:
    features = confidence_features(row(0.6, 0.3, 0.1), row(0.2, 0.9, 0.1), 3)[0]
    assert features[FEATURES.index("agreement")] == pytest.approx(-0.7)
    assert features[FEATURES.index("in_scope_log_odds")] == 0.0  # no class for it


@given(LOGITS, COSINES, st.sampled_from([3, 4]))
def test_features_are_finite(logits: list[float], similarity: list[float], labels: int) -> None:
    found = confidence_features(softmax(row(*logits), 0.1), row(*similarity), labels)
    assert found.shape == (1, len(FEATURES))
    assert np.isfinite(found).all()


def test_confidence_is_a_logistic_of_the_weighted_features() -> None:
    calibration = Calibration(temperature=1, weights=(1, 0, 0, 2, 0), intercept=-1, fitted_on="nothing", rows=0)
    features = np.array([[0.5, 9.0, 9.0, 0.25, 9.0]], dtype=np.float32)
    assert confidences(features, calibration)[0] == pytest.approx(0.5)


@example([0.0, 0.0, 7.875297369505472e-43, 0.0], [0.0] * 4, (0, 0, 0, 0, 1), 1.0)  # the probabilities are the same
@given(LOGITS, COSINES, WEIGHTS, st.floats(0, 2, width=32))
def test_confidence_does_not_fall_as_a_message_grows_more_familiar(
    logits: list[float], similarity: list[float], weights: tuple[float, ...], nearer: float
) -> None:
    of = manifest(weights=weights)
    before = decided(of, row(*logits), row(*similarity))
    best = of.labels.index(before.intent)
    moved = list(similarity)
    moved[best] = min(1.0, moved[best] + nearer)
    after = decided(of, row(*logits), row(*moved))
    assert after.familiarity >= before.familiarity
    assert after.confidence >= before.confidence - 1e-6


@example([0.0, -1.0, -2.0, 4.203895392974451e-45], [0.0] * 4, 0.0, 0.0)  # the probabilities are the same
@given(LOGITS, COSINES, st.floats(0, 1), st.floats(-1, 1))
def test_accepted_exactly_when_sure_familiar_and_in_scope(
    logits: list[float], similarity: list[float], confidence: float, familiarity: float
) -> None:
    assume(len(set(logits)) == 4)
    of = manifest(confidence=confidence, familiarity=familiarity)
    decision = decided(of, row(*logits), row(*similarity))
    out_of_scope = int(np.argmax(logits)) == 3
    assert decision.accepted == (
        np.float32(decision.confidence) >= np.float32(confidence)
        and np.float32(decision.familiarity) >= np.float32(familiarity)
        and not out_of_scope
    )
    assert (decision.reason is None) == decision.accepted
    assert (decision.reason == "out_of_scope") == (out_of_scope and not decision.accepted)


@pytest.mark.parametrize("threshold", ["confidence", "familiarity"])
def test_what_just_reaches_a_threshold_is_enough(threshold: str) -> None:
    logits, similarity = logits_of(0.7, 0.1, 0.1, 0.1), row(0.6, 0.2, 0.1, 0.1)
    reached = getattr(decided(manifest(), logits, similarity), threshold)
    above: dict[str, Any] = {threshold: float(np.nextafter(np.float32(reached), np.float32(1)))}
    assert decided(manifest(**{threshold: reached}), logits, similarity).accepted
    assert not decided(manifest(**above), logits, similarity).accepted


def test_reasons_name_the_first_thing_that_failed() -> None:
    near, far = row(0.9, 0.1, 0.1, 0.1), row(0.1, 0.1, 0.1, 0.1)
    of = manifest()
    assert decided(of, logits_of(0.7, 0.1, 0.1, 0.1), near).reason is None
    assert decided(of, logits_of(0.3, 0.1, 0.1, 0.5), far).reason == "out_of_scope"
    assert decided(of, logits_of(0.7, 0.1, 0.1, 0.1), far).reason == "unfamiliar"
    assert decided(of, logits_of(0.4, 0.3, 0.2, 0.1), near).reason == "ambiguous"
    assert decided(of, logits_of(0.5, 0.1, 0.1, 0.3), near).reason == "low_confidence"


def test_what_is_near_to_what_no_label_takes_is_not_familiar() -> None:
    decision = decided(manifest(), logits_of(0.7, 0.1, 0.1, 0.1), row(0.1, 0.1, 0.1, 0.9))
    assert decision.familiarity == pytest.approx(0.1)
    assert decision.reason == "unfamiliar"


def test_a_second_label_half_as_likely_as_the_first_makes_it_ambiguous() -> None:
    of, near = manifest(confidence=1.0), row(0.9, 0.1, 0.1, 0.1)
    assert decided(of, logits_of(0.4, 0.21, 0.2, 0.19), near).reason == "ambiguous"
    assert decided(of, logits_of(0.4, 0.19, 0.18, 0.23), near).reason == "low_confidence"


def test_the_intent_is_the_likeliest_label_and_never_out_of_scope() -> None:
    decision = decided(manifest(), logits_of(0.1, 0.2, 0.05, 0.65), row(0.5, 0.5, 0.5, 0.5), truncated=True)
    assert decision.intent == "refund"
    assert list(decision.scores) == ["refund", "cancel", "where"]
    assert sum(decision.scores.values()) == pytest.approx(0.35)
    assert decision.truncated


def test_a_bundle_without_an_out_of_scope_class_scores_its_labels_alone() -> None:
    decision = decided(manifest(scope=None), logits_of(0.7, 0.2, 0.1), row(0.9, 0.2, 0.1))
    assert decision.accepted
    assert sum(decision.scores.values()) == pytest.approx(1.0)


def test_a_batch_is_decided_row_by_row() -> None:
    random = np.random.default_rng(0)
    logits: NDArray[np.float32] = random.normal(size=(20, 4)).astype(np.float32) * 4
    similarity: NDArray[np.float32] = random.uniform(-1, 1, size=(20, 4)).astype(np.float32)
    of = manifest(weights=(0.5, 0.2, 0.3, 1.0, 0.7))
    together = decisions_of(of.labels, assess(of, logits, similarity), [False] * 20)
    alone = [decided(of, logits[[at]], similarity[[at]]) for at in range(20)]
    assert [decision.reason for decision in together] == [decision.reason for decision in alone]
    assert [decision.confidence for decision in together] == pytest.approx([one.confidence for one in alone], abs=1e-6)


def test_an_intent_with_a_threshold_of_its_own_needs_it_and_the_others_do_not() -> None:
    of = manifest(confidence=0.6, by_intent={"refund": 0.9})
    similarity = row(0.8, 0.8, 0.8, 0.1)
    assert decided(of, logits_of(0.05, 0.8, 0.1, 0.05), similarity).reason == "low_confidence"
    assert decided(of, logits_of(0.02, 0.94, 0.02, 0.02), similarity).accepted
    assert decided(of, logits_of(0.8, 0.05, 0.1, 0.05), similarity).accepted
    together = np.concatenate([logits_of(0.05, 0.8, 0.1, 0.05), logits_of(0.8, 0.05, 0.1, 0.05)])
    assert [reason is None for reason in assess(of, together, np.repeat(similarity, 2, axis=0)).reasons] == [
        False,
        True,
    ]


def test_a_refused_message_above_the_threshold_of_suggestions_is_suggested() -> None:
    of, similarity = manifest(confidence=0.9, suggest=0.5), row(0.8, 0.8, 0.8, 0.1)
    refused = decided(of, logits_of(0.05, 0.8, 0.1, 0.05), similarity)
    assert (refused.accepted, refused.suggested) == (False, True)
    assert not decided(of, logits_of(0.02, 0.94, 0.02, 0.02), similarity).suggested, "it is accepted"
    assert not decided(of, logits_of(0.3, 0.4, 0.2, 0.1), similarity).suggested, "it is not confident"
    assert not decided(of, logits_of(0.05, 0.8, 0.1, 0.05), row(0.1, 0.1, 0.1, 0.1)).suggested, "it is unfamiliar"
    lenient = manifest(confidence=0.9, suggest=0.4)
    assert not decided(lenient, logits_of(0.01, 0.45, 0.01, 0.53), similarity).suggested, "it is out of scope"


def test_an_automatic_reply_is_never_suggested() -> None:
    of, similarity = manifest(confidence=0.9, suggest=0.5), row(0.8, 0.8, 0.8, 0.1)
    assessment = assess(of, logits_of(0.05, 0.8, 0.1, 0.05), similarity)
    assert assessment.suggested.tolist() == [True]
    assert without_intent(assessment, [True]).suggested.tolist() == [False]


def test_without_a_threshold_of_suggestions_nothing_is_suggested() -> None:
    assert not decided(manifest(confidence=0.9), logits_of(0.05, 0.8, 0.1, 0.05), row(0.8, 0.8, 0.8, 0.1)).suggested
