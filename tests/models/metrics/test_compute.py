"""Metrics against those of scikit-learn, and against their definitions written as loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="needs the [train] extra")

from sklearn import metrics
from triage_models.metrics.compute import compute_by_class, compute_intervals, compute_metrics
from triage_models.metrics.outcomes import OUT_OF_SCOPE, Floats, Outcomes


def some(seed: int, rows: int = 400, classes: int = 6, out_of_scope: float = 0.2, steps: int = 0) -> Outcomes:
    """Generate outcomes whose confidence correlates with correctness; ``steps`` rounds it, so that there are ties."""
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=rows)
    predicted = np.where(random.random(rows) < 0.7, truth, random.integers(classes, size=rows))
    truth = np.where(random.random(rows) < out_of_scope, OUT_OF_SCOPE, truth)
    confidence = 1 / (1 + np.exp(-random.normal(1.5 * (truth == predicted), 1.2)))
    if steps:
        confidence = np.round(confidence * steps) / steps
    return Outcomes(tuple("abcdefgh"[:classes]), truth, predicted, confidence, confidence > 0.6)


SAMPLES = [
    some(0),
    some(1, out_of_scope=0.0),
    some(2, rows=37, classes=8),
    some(3, steps=7),
    some(4, rows=2000, steps=40),
]


@pytest.mark.parametrize("outcomes", SAMPLES)
def test_classification_metrics_equal_those_of_scikit_learn(outcomes: Outcomes) -> None:
    inside = outcomes.take(~outcomes.out_of_scope)
    found = compute_metrics(outcomes, risk=0.05)
    truth, predicted = inside.truth, inside.predicted
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found["weighted_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="weighted"))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, predicted))


@pytest.mark.parametrize("outcomes", SAMPLES)
def test_ranking_metrics_equal_those_of_scikit_learn(outcomes: Outcomes) -> None:
    inside = outcomes.take(~outcomes.out_of_scope)
    found = compute_metrics(outcomes, risk=0.05)
    assert found["confidence_auroc"] == pytest.approx(metrics.roc_auc_score(inside.correct, inside.confidence))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(inside.correct, inside.confidence))
    if outcomes.out_of_scope.any():
        assert found["oos_auroc"] == pytest.approx(
            metrics.roc_auc_score(outcomes.out_of_scope, 1 - outcomes.confidence)
        )
        true_rate, rate, _ = _roc(~outcomes.out_of_scope, outcomes.confidence)
        assert found["oos_fpr95"] == pytest.approx(rate[np.argmax(true_rate >= 0.95)])
    else:
        assert found["oos_auroc"] is None
        assert found["oos_fpr95"] is None
        assert found["false_acceptance_rate"] is None


def _roc(positive: "np.ndarray", score: Floats) -> tuple[Floats, Floats, Floats]:
    rate, true_rate, thresholds = metrics.roc_curve(positive, score, drop_intermediate=False)
    return true_rate, rate, thresholds


@pytest.mark.parametrize("outcomes", SAMPLES)
def test_all_traffic_metrics_count_a_refusal_as_predicting_out_of_scope(outcomes: Outcomes) -> None:
    truth = np.where(outcomes.out_of_scope, 99, outcomes.truth)
    said = np.where(outcomes.accepted, outcomes.predicted, 99)
    found = compute_metrics(outcomes, risk=0.05)
    assert found["all_traffic_accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert found["all_traffic_mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, said))


def test_shares_at_the_threshold() -> None:
    outcomes = Outcomes(
        ("a", "b"),
        truth=np.array([0, 0, 1, 1, OUT_OF_SCOPE, OUT_OF_SCOPE, OUT_OF_SCOPE]),
        predicted=np.array([0, 1, 1, 1, 0, 1, 1]),
        confidence=np.array([0.9, 0.8, 0.7, 0.2, 0.9, 0.1, 0.1]),
        accepted=np.array([True, True, True, False, True, False, False]),
    )
    found = compute_metrics(outcomes, risk=0.05)
    assert found["coverage"] == pytest.approx(3 / 4)
    assert found["selective_accuracy"] == pytest.approx(2 / 3)
    assert found["false_acceptance_rate"] == pytest.approx(1 / 3)
    assert found["all_traffic_coverage"] == pytest.approx(4 / 7)
    assert found["all_traffic_selective_accuracy"] == pytest.approx(2 / 4)
    assert found["all_traffic_accuracy"] == pytest.approx(4 / 7)


def looped_aurc(right: "np.ndarray", confidence: Floats) -> float:
    """Compute AURC as the mean, over all coverages, of the error rate among the most confident rows."""
    wrong = ~right[np.argsort(-confidence, kind="stable")]
    return float(np.mean([wrong[:size].mean() for size in range(1, len(wrong) + 1)]))


@pytest.mark.parametrize("outcomes", [some(5), some(6, rows=30)])
def test_aurc_without_ties_is_the_mean_selective_risk(outcomes: Outcomes) -> None:
    inside = outcomes.take(~outcomes.out_of_scope)
    found = compute_metrics(outcomes, risk=0.05)
    area = looped_aurc(inside.correct, inside.confidence)
    best = looped_aurc(inside.correct, inside.correct.astype(float))
    assert found["aurc"] == pytest.approx(area)
    assert found["excess_aurc"] == pytest.approx(area - best)


def test_aurc_with_ties_is_the_mean_over_their_orders() -> None:
    outcomes = some(7, rows=25, out_of_scope=0.0, steps=3)
    random = np.random.default_rng(0)
    shuffled = [outcomes.take(random.permutation(len(outcomes))) for _ in range(4000)]
    areas = [looped_aurc(one.correct, one.confidence) for one in shuffled]
    assert compute_metrics(outcomes, risk=0.05)["aurc"] == pytest.approx(
        np.mean(areas), abs=4 * np.std(areas) / 4000**0.5
    )


@given(seed=st.integers(0, 10_000), rows=st.sampled_from([5, 50, 60]))
@settings(max_examples=40, deadline=None)
def test_accuracy_at_80_is_that_of_the_most_confident_rows(seed: int, rows: int) -> None:
    outcomes = some(seed, rows=rows, out_of_scope=0.0)
    best = outcomes.take(np.argsort(-outcomes.confidence, kind="stable")[: rows * 4 // 5])
    assert compute_metrics(outcomes, risk=0.05)["selective_accuracy_at_80"] == pytest.approx(best.correct.mean())


def test_accuracy_at_80_takes_its_share_of_equal_confidences_and_only_rows_in_scope() -> None:
    outcomes = Outcomes(
        ("a", "b"),
        truth=np.array([0, 0, 0, 0, 0, OUT_OF_SCOPE]),
        predicted=np.array([0, 0, 0, 1, 1, 0]),
        confidence=np.array([0.9, 0.9, 0.5, 0.5, 0.5, 0.99]),
        accepted=np.zeros(6, dtype=bool),
    )
    found = compute_metrics(outcomes, risk=0.05)
    assert found["selective_accuracy_at_80"] == pytest.approx((2 + 2 / 3) / 4)
    assert compute_metrics(outcomes.take(outcomes.out_of_scope), risk=0.05)["selective_accuracy_at_80"] is None


def test_an_accuracy_at_80_of_one_has_an_interval_below_one() -> None:
    outcomes = some(3, rows=50, out_of_scope=0.0)
    perfect = Outcomes(outcomes.classes, outcomes.truth, outcomes.truth, outcomes.confidence, outcomes.accepted)
    interval = compute_intervals(perfect, risk=0.05, resamples=50)["selective_accuracy_at_80"]
    assert interval == pytest.approx([0.025 ** (1 / 40), 1.0])


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_ece_of_both_kinds_is_the_definition(seed: int, rows: int) -> None:
    outcomes = some(seed, rows=rows, out_of_scope=0.0)
    right, confidence = outcomes.correct.astype(float), outcomes.confidence
    width = np.minimum((confidence * 15).astype(int), 14)
    by_width = [(width == place) for place in range(15)]
    order = np.argsort(-confidence)
    borders = [rows * place // 15 for place in range(16)]
    by_mass = [order[low:high] for low, high in itertools.pairwise(borders)]

    def error(bins: "list[np.ndarray]") -> float:
        return float(sum(abs(confidence[own].sum() - right[own].sum()) for own in bins) / rows)

    found = compute_metrics(outcomes, risk=0.05)
    assert found["ece"] == pytest.approx(error(by_width))
    assert found["ece_equal_mass"] == pytest.approx(error(by_mass))


def test_with_ties_no_metric_depends_on_the_order_of_rows() -> None:
    outcomes = some(9, steps=5)
    shuffled = outcomes.take(np.random.default_rng(0).permutation(len(outcomes)))
    assert compute_metrics(shuffled, risk=0.05) == pytest.approx(compute_metrics(outcomes, risk=0.05))


@given(seed=st.integers(0, 10_000), risk=st.sampled_from([0.0, 0.05, 0.3]))
@settings(max_examples=40, deadline=None)
def test_best_coverage_is_the_largest_of_any_threshold(seed: int, risk: float) -> None:
    outcomes = some(seed, rows=50, out_of_scope=0.1, steps=12)
    inside = outcomes.take(~outcomes.out_of_scope)
    taken = [inside.confidence >= threshold for threshold in np.unique(inside.confidence)]
    most = max([accepted.mean() for accepted in taken if (~inside.correct[accepted]).mean() <= risk], default=0.0)
    assert compute_metrics(outcomes, risk=risk)["best_coverage_at_guarantee"] == pytest.approx(most)


def test_metrics_by_class_equal_those_of_scikit_learn() -> None:
    outcomes = some(8, classes=5)
    inside = outcomes.take(~outcomes.out_of_scope)
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(inside.truth, inside.predicted)
    table = compute_by_class(outcomes, resamples=50)
    assert [row["label"] for row in table] == list("abcde")
    assert [row["rows"] for row in table] == list(rows)
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [row[name] for row in table] == pytest.approx(list(expected))


def test_metrics_are_undefined_without_accepted_and_without_out_of_scope_rows() -> None:
    outcomes = Outcomes(("a", "b"), np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5]), np.array([False, False]))
    found = compute_metrics(outcomes, risk=0.05)
    assert found["selective_accuracy"] is None
    assert found["oos_auroc"] is None
    assert found["confidence_auroc"] is None
    assert found["coverage"] == 0


def test_metrics_of_rows_in_scope_are_undefined_without_such_rows() -> None:
    outcomes = Outcomes(
        ("a", "b"),
        np.array([OUT_OF_SCOPE] * 3),
        np.array([0, 1, 1]),
        np.array([0.5, 0.7, 0.9]),
        np.array([True] + [False] * 2),
    )
    found = compute_metrics(outcomes, risk=0.05)
    assert found["accuracy"] is None
    assert found["aurc"] is None
    assert found["mcc"] is None
    assert found["false_acceptance_rate"] == pytest.approx(1 / 3)
    assert compute_by_class(outcomes) == []
