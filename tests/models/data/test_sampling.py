"""Stratified samples: shares of labels, order, and reproducibility."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from triage_models.data.sampling import sample_per_class, stratified_sample


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=60), st.integers(1, 80), st.integers(0, 3))
def test_a_sample_has_each_label_in_its_share_and_no_row_twice(labels: list[str], rows: int, seed: int) -> None:
    drawn = stratified_sample(labels, rows, seed)
    assert len(drawn) == len(set(drawn)) == min(rows, len(labels))
    assert stratified_sample(labels, rows, seed) == drawn
    counts = Counter(labels[position] for position in drawn)
    for label, all_ in Counter(labels).items():
        assert abs(counts[label] - len(drawn) * all_ / len(labels)) < 1


def test_all_rows_come_in_an_order_of_the_seeds() -> None:
    labels = ["a"] * 50 + ["b"] * 50
    assert sorted(stratified_sample(labels)) == list(range(100))
    assert stratified_sample(labels, seed=1) != stratified_sample(labels, seed=2)
    first = stratified_sample(labels)[:50]
    assert 10 <= sum(position < 50 for position in first) <= 40, "the first of them are a fair sample"


def test_some_rows_of_each_class_are_drawn_and_all_of_a_small_class() -> None:
    classes = np.array([0] * 50 + [2] * 7 + [1] * 20)
    chosen = sample_per_class(classes, 10, seed=0)
    assert np.bincount(classes[chosen]).tolist() == [10, 10, 7]
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert chosen.tolist() == sample_per_class(classes, 10, seed=0).tolist()
    assert chosen.tolist() != sample_per_class(classes, 10, seed=1).tolist()
