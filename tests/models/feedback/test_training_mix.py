"""The training mix: weights of answers and base rows, and which base rows are left out."""

from pathlib import Path

import pytest
from triage_models.data.training_rows import read_training_rows
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer
from triage_models.feedback.resolve import ResolvedLabels
from triage_models.feedback.training_mix import HUMAN_WEIGHT, LLM_WEIGHT, MAX_ANSWER_SHARE, REPLAY_WEIGHT, mix_rows

from tests.models.tiny import LABELS, OOS, tiny_rows

CLASSES = (*sorted(LABELS), OOS)


def test_answers_that_leave_no_row_of_a_label_are_refused(tiny_csv: Path) -> None:
    base = read_training_rows(tiny_csv)
    turned = [Answer(text, "WISMO") for text, label in tiny_rows() if label == "CANCEL_ORDER"]
    with pytest.raises(DataError, match="no row of CANCEL_ORDER"):
        mix_rows(ResolvedLabels(turned, [], []), base, CLASSES, set(), seed=0)


def test_answers_weigh_more_than_base_rows_and_llms_less_than_people(tiny_csv: Path) -> None:
    base = read_training_rows(tiny_csv)
    texts = base.texts
    resolved = ResolvedLabels(
        [Answer("from a person", "WISMO"), Answer(texts[0], "CANCEL_ORDER")],
        [Answer("from an LLM", "WISMO", "llm")],
        [Answer(texts[1], "WISMO")],
    )
    rows = mix_rows(resolved, base, CLASSES, {texts[2].casefold()}, seed=0)
    weights = dict(zip(rows.texts, rows.weights, strict=True))
    assert weights["from a person"] == HUMAN_WEIGHT
    assert weights["from an LLM"] == HUMAN_WEIGHT * LLM_WEIGHT
    assert set(rows.weights[:-3]) == {REPLAY_WEIGHT}
    assert rows.labels[rows.texts.index(texts[0])] == "CANCEL_ORDER"  # once, with the label that people gave
    assert texts[1] not in rows.texts
    assert texts[2] not in rows.texts


def test_many_answers_leave_a_share_for_the_base_rows(tiny_csv: Path) -> None:
    base = read_training_rows(tiny_csv)
    texts = [f"answer {number}" for number in range(200)]
    resolved = ResolvedLabels([Answer(text, "WISMO") for text in texts], [], [])
    rows = mix_rows(resolved, base, CLASSES, set(), seed=0)
    assert sum(rows.weights[-len(texts) :]) / sum(rows.weights) == pytest.approx(MAX_ANSWER_SHARE)
