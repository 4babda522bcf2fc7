"""Comparing strategies on the same rows."""

import pytest
from triage_models.metrics.strategies import StrategyDecisions, compare_strategies

KNOWN = ("WISMO", "OTHER")


def test_strategies_are_compared_on_the_same_rows() -> None:
    labels = ["WISMO", "WISMO|OTHER", "OTHER", "UNKNOWN", "OOS"]
    strategies = {
        "llm": StrategyDecisions(["WISMO", "OTHER", None, "WISMO", None], [True, False, False, True, False], [0.1] * 5),
        "bundle": StrategyDecisions(
            ["OTHER", "WISMO", "OTHER", "OTHER", "WISMO"], [True, True, True, False, True], [0.0] * 5
        ),
    }
    found = compare_strategies(labels, strategies, baseline="llm", known=KNOWN, oos_labels={"OOS"}, resamples=50)
    llm, bundle = found["llm"], found["bundle"]
    assert (llm["accuracy"], bundle["accuracy"]) == (0.5, 0.5), "of four in scope; no answer is never right"
    assert (llm["accepted_rows"], llm["accepted_errors"]) == (2, 1)
    assert (bundle["accepted_rows"], bundle["accepted_errors"]) == (4, 2), (
        "accepting an out-of-scope message is an error"
    )
    assert (llm["review_share"], bundle["review_share"]) == pytest.approx((0.6, 0.2))
    assert (llm["false_acceptance_rate"], bundle["false_acceptance_rate"]) == (0, 1)
    assert llm["money_per_1000"] == pytest.approx(100)
    assert bundle["accuracy_difference"] == 0
    low, high = bundle["accuracy_difference_ci"]
    assert low < 0 < high, "they differ row by row"
    assert llm["accuracy_difference_ci"] == [0, 0]
    low, high = llm["review_share_ci"]
    assert low <= 0.6 <= high
