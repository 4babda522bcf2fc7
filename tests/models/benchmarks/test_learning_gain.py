"""The rows of the learning benchmark: answered and evaluated rows are disjoint."""

from triage_models.benchmarks.learning_gain import ANSWERED_ROWS, draw_rows
from triage_models.data.evaluation_rows import LabelledRows


def test_no_text_is_both_answered_and_evaluated_and_no_out_of_scope_row_is_evaluated() -> None:
    texts = [f"text {number % 340}" for number in range(400)]
    shop = LabelledRows(texts, ["OOS" if number % 10 == 0 else "WISMO|OTHER" for number in range(400)], {})
    fed, rest = draw_rows(shop, 1)
    assert len(fed) == ANSWERED_ROWS
    assert not set(fed.texts) & set(rest.texts)
    assert set(rest.labels) == {"WISMO|OTHER"}
    assert draw_rows(shop, 1)[0].texts == fed.texts != draw_rows(shop, 2)[0].texts
