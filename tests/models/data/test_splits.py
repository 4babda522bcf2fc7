"""Splitting rows: no row is lost, groups stay together, and every label keeps rows to train on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.data.splits import has_enough_groups, split_rows
from triage_models.data.training_rows import TrainingRows

LABELLED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=120)


@given(LABELLED, st.floats(0, 0.6), st.integers(0, 99), st.booleans())
def test_a_split_loses_no_row_and_leaves_every_label_to_train_on(
    drawn: list[tuple[int, int]], share: float, seed: int, grouped: bool
) -> None:
    rows = TrainingRows(
        [str(number) for number in range(len(drawn))],
        [f"L{label}" for label, _ in drawn],
        [f"G{group}" if group else "" for _, group in drawn] if grouped else [],
    )
    rest, held_out = split_rows(rows, share, seed)
    assert sorted(rest.texts + held_out.texts, key=int) == rows.texts
    assert set(rest.labels) == set(rows.labels)
    assert split_rows(rows, share, seed) == (rest, held_out)


def grouped_rows(groups: list[str]) -> TrainingRows:
    """Build one row per group name, with two labels in turn."""
    return TrainingRows([str(n) for n in range(len(groups))], ["AB"[n % 2] for n in range(len(groups))], groups)


def test_a_split_keeps_groups_whole() -> None:
    rest, held_out = split_rows(grouped_rows([f"shop {n // 20}" for n in range(400)]), 0.2, seed=1)
    assert not set(rest.groups) & set(held_out.groups)
    assert 40 <= len(held_out) <= 120


def with_others(grouped_oos: int) -> TrainingRows:
    """Build 3,000 rows of 40 shops, and 600 out-of-scope rows of which so many are theirs and the others nobody's."""
    rows = grouped_rows([f"shop {n % 40}" for n in range(3000)])
    groups = [f"shop {n % 40}" if n < grouped_oos else "" for n in range(600)]
    return TrainingRows(
        rows.texts + [f"other {n}" for n in range(600)], rows.labels + ["OOS"] * 600, rows.groups + groups
    )


@pytest.mark.parametrize("grouped_oos", [0, 1, 299])
def test_rows_without_a_group_are_held_out_where_groups_cannot_test_their_label(grouped_oos: int) -> None:
    """Regression: a bundle was certified on no out-of-scope rows at all."""
    rest, held_out = split_rows(with_others(grouped_oos), 0.1, seed=1)
    nobodys = [label for label, group in zip(held_out.labels, held_out.groups, strict=True) if not group]
    assert nobodys == ["OOS"] * round(0.1 * (600 - grouped_oos))
    assert not (set(rest.groups) & set(held_out.groups)) - {""}


def test_rows_without_a_group_are_trained_on_where_groups_test_their_label() -> None:
    """The shipped bundle's out-of-scope rows from elsewhere: what it is judged by are the shops' own."""
    rest, held_out = split_rows(with_others(grouped_oos=400), 0.1, seed=1)
    assert "" not in held_out.groups
    assert held_out.labels.count("OOS") == 40
    assert rest.groups.count("") == 200


def test_no_group_is_not_a_group() -> None:
    rows = grouped_rows(["", *(f"shop {n % 7}" for n in range(399))])
    assert not has_enough_groups(rows)
    assert has_enough_groups(grouped_rows([f"shop {n % 8}" for n in range(400)]))


def test_groups_too_large_to_hold_out_are_split_by_rows() -> None:
    _, held_out = split_rows(grouped_rows([f"shop {n % 8}" for n in range(400)]), 0.04, seed=1)
    assert len(held_out) == 16


@pytest.mark.parametrize(("each", "share"), [(3, 0.1), (8, 0.0625), (20, 0.02), (2, 0.1)])
def test_of_many_labels_with_few_rows_as_large_a_share_is_held_out(each: int, share: float) -> None:
    """Regression: with less than half a row per label, none was held out, and training ended at once."""
    labels = [f"label {number % 1000}" for number in range(each * 1000)]
    _, held_out = split_rows(TrainingRows([str(number) for number in range(len(labels))], labels), share, seed=0)
    assert len(held_out) == pytest.approx(share * len(labels), rel=0.02)
    assert len(set(held_out.labels)) > 0.9 * len(held_out)  # spread over the labels
