"""Ways of deciding side by side, and the sample that they are compared on."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.data.sampling import stratified
from triage_models.metrics.strategies import Way, side_by_side

KNOWN = ("WISMO", "OTHER")


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=60), st.integers(1, 80), st.integers(0, 3))
def test_a_sample_has_each_label_in_its_share_and_no_row_twice(labels: list[str], rows: int, seed: int) -> None:
    drawn = stratified(labels, rows, seed)
    assert len(drawn) == len(set(drawn)) == min(rows, len(labels))
    assert stratified(labels, rows, seed) == drawn
    counts = Counter(labels[place] for place in drawn)
    for label, all_ in Counter(labels).items():
        assert abs(counts[label] - len(drawn) * all_ / len(labels)) < 1


def test_all_rows_come_in_an_order_of_the_seeds() -> None:
    labels = ["a"] * 50 + ["b"] * 50
    assert sorted(stratified(labels)) == list(range(100))
    assert stratified(labels, seed=1) != stratified(labels, seed=2)
    assert 10 <= sum(place < 50 for place in stratified(labels)[:50]) <= 40, "the first of them are a fair sample"


def test_each_way_is_judged_on_the_same_rows() -> None:
    labels = ["WISMO", "WISMO|OTHER", "OTHER", "UNKNOWN", "OOS"]
    ways = {
        "llm": Way(["WISMO", "OTHER", None, "WISMO", None], [True, False, False, True, False], [0.1] * 5),
        "bundle": Way(["OTHER", "WISMO", "OTHER", "OTHER", "WISMO"], [True, True, True, False, True], [0.0] * 5),
    }
    found = side_by_side(labels, ways, against="llm", known=KNOWN, out_of_scope={"OOS"}, resamples=50)
    llm, bundle = found["llm"], found["bundle"]
    assert (llm["accuracy"], bundle["accuracy"]) == (0.5, 0.5), "of four in scope; no answer is never right"
    assert (llm["accepted_rows"], llm["accepted_errors"]) == (2, 1)
    assert (bundle["accepted_rows"], bundle["accepted_errors"]) == (4, 2), "acting on a foreign message is an error"
    assert (llm["review_share"], bundle["review_share"]) == pytest.approx((0.6, 0.2))
    assert (llm["false_acceptance_rate"], bundle["false_acceptance_rate"]) == (0, 1)
    assert llm["money_per_1000"] == pytest.approx(100)
    assert bundle["accuracy_difference"] == 0
    low, high = bundle["accuracy_difference_ci"]
    assert low < 0 < high, "they differ row by row"
    assert llm["accuracy_difference_ci"] == [0, 0]
    low, high = llm["review_share_ci"]
    assert low <= 0.6 <= high
