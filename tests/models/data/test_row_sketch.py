"""Rows that were used before are recognized by a sketch of hashes."""

import pytest
from triage_models.data.row_sketch import DIGITS, SIZE, merge, share_seen, sketch


def texts(first: int, last: int) -> list[str]:
    return [f"where is order {number}" for number in range(first, last)]


def test_case_spacing_order_and_repetitions_do_not_matter() -> None:
    assert sketch(["Where is it?", "cancel", "cancel"]) == sketch(["CANCEL", " where  is it?"])
    assert all(len(one) == DIGITS for one in sketch(texts(0, 3)))


def test_the_share_of_few_rows_is_exact() -> None:
    known = sketch(texts(0, 100))
    assert share_seen(known, texts(0, 100)) == share_seen(known, texts(10, 20)) == 1.0
    assert share_seen(known, texts(75, 175)) == 0.25
    assert share_seen(known, texts(100, 200)) == share_seen([], texts(0, 9)) == share_seen(known, []) == 0.0


@pytest.mark.parametrize(("first", "share"), [(0, 1.0), (15_000, 0.5), (20_000, 0.0)])
def test_the_share_of_many_rows_is_estimated_from_few_hashes(first: int, share: float) -> None:
    known = sketch(texts(0, 20_000))
    assert len(known) == SIZE
    assert share_seen(known, texts(first, first + 10_000)) == pytest.approx(share, abs=0.1 if share == 0.5 else 0)


@pytest.mark.parametrize("last", [300, 5_000])
def test_two_sketches_make_that_of_all_texts(last: int) -> None:
    assert merge(sketch(texts(0, 200)), sketch(texts(100, last))) == sketch(texts(0, last))
