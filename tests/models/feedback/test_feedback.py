"""Answers settled and verdicts reached: plain values in, plain values out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.benchmarks.feedback import FED, drawn
from triage_models.data.labelled import folded
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer, read_answers
from triage_models.feedback.resolve import HELD_SHARE, is_held, settle
from triage_models.feedback.verdict import Compared, Judged, judge, sign_test
from triage_models.metrics.rows import LabelledRows

LABELS = ("WISMO", "CANCEL_ORDER")

answers_of_any_kind = st.lists(
    st.builds(
        Answer,
        text=st.sampled_from([f"text {number}" for number in range(12)] + ["Text 3", " text  4"]),
        label=st.sampled_from([*LABELS, "OOS", "oos", "GONE"]),
        by=st.sampled_from(["human", "llm"]),
        message_id=st.none() | st.sampled_from("abcdef"),
        conversation_id=st.none() | st.sampled_from("uvwxyz"),
    ),
    max_size=40,
)


def on_this_side(held: bool, stem: str = "text") -> str:
    """A text that is, or is not, to judge by."""
    return next(text for number in range(100) if is_held(Answer(text := f"{stem} {number}", "WISMO")) is held)


@given(answers_of_any_kind)
def test_a_text_or_a_conversation_is_learnt_from_or_judged_by_and_never_both(answers: list[Answer]) -> None:
    settled = settle(answers, LABELS, "OOS")
    learnt = [*settled.human, *settled.llm]
    assert not {folded(one.text) for one in learnt} & {folded(one.text) for one in settled.held}
    apart = {one.conversation_id for one in settled.held if one.conversation_id}
    assert not apart & {one.conversation_id for one in learnt}


@given(answers_of_any_kind)
def test_what_is_settled_is_one_a_text_with_a_label_of_the_bundle(answers: list[Answer]) -> None:
    settled = settle(answers, LABELS, "OOS")
    kept = [*settled.human, *settled.llm, *settled.held]
    assert len({folded(one.text) for one in kept}) == len(kept)
    assert {one.label for one in kept} <= {*LABELS, "OOS"}
    assert {one.by for one in (*settled.human, *settled.held)} <= {"human"}
    assert len(settled.llm) <= len(settled.human)


@given(answers_of_any_kind, answers_of_any_kind)
def test_next_week_judges_by_the_same_ones(answers: list[Answer], later: list[Answer]) -> None:
    fresh = [Answer(f"later {one.text}", one.label, one.by, f"later {one.message_id}") for one in later]
    now = settle(answers, LABELS, "OOS").held
    assert now == settle([*answers, *fresh], LABELS, "OOS").held[: len(now)]


def test_about_a_fifth_is_held_out() -> None:
    held = sum(is_held(Answer("x", "WISMO", conversation_id=f"conversation {number}")) for number in range(4000))
    assert held / 4000 == pytest.approx(HELD_SHARE, abs=0.02)


def test_a_person_beats_an_llm_and_their_last_answer_counts() -> None:
    text = on_this_side(False)
    settled = settle(
        [
            Answer(text, "WISMO", "human", "m"),
            Answer(text, "CANCEL_ORDER", "human", "m"),
            Answer(text, "WISMO", "llm", "m"),
            Answer(text, "WISMO", "llm", "other"),
        ],
        LABELS,
        "OOS",
    )
    assert [one.label for one in settled.human] == ["CANCEL_ORDER"]
    assert settled.llm == []


def test_people_who_disagree_about_a_text_are_left_out_and_counted() -> None:
    answers = [Answer("mattress?", "WISMO", "human", "m"), Answer("Mattress?", "CANCEL_ORDER", "human", "n")]
    settled = settle(answers, LABELS, "OOS")
    assert (settled.human, settled.held) == ([], [])
    assert settled.counts == {"contradict one another about the same text": 2}


def test_none_of_these_becomes_out_of_scope_and_unknown_labels_are_counted() -> None:
    text = on_this_side(False)
    settled = settle([Answer(text, "oos"), Answer("y", "RETIRED")], LABELS, "NOTHING")
    assert [one.label for one in settled.human] == ["NOTHING"]
    assert settled.counts == {"have a label that the bundle lacks": 1}


def test_rows_of_the_test_set_are_neither_learnt_from_nor_judged_by() -> None:
    answers = [Answer(f"Text {number}", "WISMO") for number in range(20)]
    settled = settle(answers, LABELS, "OOS", unwanted={folded(f"text {number}") for number in range(20)})
    assert (settled.human, settled.held) == ([], [])
    assert settled.counts == {"stand in the test set": 20}


def test_llms_answers_are_no_more_than_their_share() -> None:
    people = [Answer(f"person {number}", "WISMO") for number in range(100)]
    llm = [Answer(f"llm {number}", "WISMO", "llm") for number in range(500)]
    settled = settle([*people, *llm], LABELS, "OOS", llm_per_human=0.5)
    assert len(settled.llm) == len(settled.human) // 2
    assert settled.counts["are an LLM's beyond its share"] == 500 - len(settled.llm)


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_answers_are_read_from_both_kinds_of_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    rows = [
        {"text": "where, is it", "label": "WISMO", "decided_by": "llm", "message_id": "m", "conversation_id": "c"},
        {"text": "stop", "label": "CANCEL_ORDER"},
    ]
    if name.endswith("csv"):
        file.write_text(
            'text,label,decided_by,message_id,conversation_id\n"where, is it",WISMO,llm,m,c\nstop,CANCEL_ORDER\n'
        )
    else:
        file.write_text("".join(json.dumps(row | {"source": {"topic": "t"}}) + "\n" for row in rows))
    assert read_answers(file) == [Answer("where, is it", "WISMO", "llm", "m", "c"), Answer("stop", "CANCEL_ORDER")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: this is no JSON"),
        ("[]", "line 1: this is no JSON object"),
        ('{"text": "x"}', "has no column 'label'"),
        ('{"text": "x", "label": null}', "line 1: the row has no label"),
        ('{"text": "x", "label": "y", "decided_by": "me"}', "decided_by is 'me'"),
    ],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(DataError, match=said):
        read_answers(file)


def judged(right: int, wrong: int, *, accepted: bool = True, loss: float | None = None) -> Judged:
    flags = np.array([True] * right + [False] * wrong)
    return Judged(flags, np.full(len(flags), accepted), np.where(flags, 0.05, 2.0) if loss is None else loss * flags)


def compared(before: Judged, after: Judged, intent: Callable[[int], str] = lambda row: "WISMO") -> Compared:
    return Compared([intent(row) for row in range(len(before.right))], before, after)


SAME_TEST = compared(judged(990, 10), judged(990, 10))


def test_clearly_fewer_errors_on_held_out_answers_is_better() -> None:
    verdict = judge(compared(judged(60, 20), judged(75, 5)), SAME_TEST)
    assert verdict.better
    assert "5 errors instead of 20" in verdict.why[0]


def test_one_error_fewer_may_be_luck() -> None:
    before, after = judged(78, 2), judged(79, 1)
    verdict = judge(compared(before, after), SAME_TEST)
    assert not verdict.better
    assert "may be luck" in verdict.why[0]


def test_too_few_held_out_answers_cannot_tell() -> None:
    assert "too few" in judge(compared(judged(0, 29), judged(29, 0)), SAME_TEST).why[0]
    assert judge(compared(judged(0, 30), judged(30, 0)), SAME_TEST).better


@pytest.mark.parametrize(("errors", "better"), [(12, True), (13, False)])
def test_the_test_set_may_lose_the_margin_and_no_more(errors: int, better: bool) -> None:
    held = compared(judged(60, 20), judged(75, 5))
    test = compared(judged(990, 10), judged(1000 - errors, errors), lambda row: f"intent {row % 100}")
    assert judge(held, test, margin=0.2).better is better


def test_a_bundle_that_accepts_nothing_any_more_is_worse() -> None:
    held = compared(judged(60, 20), judged(75, 5))
    verdict = judge(held, compared(judged(990, 10), judged(990, 10, accepted=False)))
    assert not verdict.better
    assert "accepts 100.00 points fewer" in verdict.why[0]


def test_one_intent_that_pays_for_the_others_is_worse() -> None:
    """40 rows of CANCEL_ORDER are lost, 40 others won: accuracy is the same."""
    before = judged(1000, 0)
    broken = np.arange(1000) < 40
    before.right[960:] = False
    after = Judged(~broken, before.accepted, before.loss)
    test = compared(before, after, lambda row: "CANCEL_ORDER" if row < 100 else "WISMO")
    verdict = judge(compared(judged(60, 20), judged(75, 5)), test)
    assert not verdict.better
    assert any("CANCEL_ORDER lost 40.0 points" in why for why in verdict.why)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_sign_test_is_a_probability_that_falls_with_every_row_broken(worse: int, better: int) -> None:
    assert 0 < sign_test(worse, better) <= 1
    assert sign_test(worse + 1, better) <= sign_test(worse, better)


def test_the_sign_test_is_exact() -> None:
    assert sign_test(5, 0) == 1 / 32
    assert sign_test(0, 0) == 1.0


@given(st.integers(30, 80), st.integers(0, 30))
def test_a_candidate_that_is_the_serving_bundle_is_never_better(right: int, wrong: int) -> None:
    same = compared(judged(right, wrong), judged(right, wrong))
    assert not judge(same, SAME_TEST).better


def test_the_benchmark_never_judges_on_a_text_that_it_fed_nor_on_a_foreign_row() -> None:
    texts = [f"text {number % 340}" for number in range(400)]
    shop = LabelledRows(texts, ["OOS" if number % 10 == 0 else "WISMO|OTHER" for number in range(400)], {})
    fed, rest = drawn(shop, 1)
    assert len(fed) == FED
    assert not set(fed.texts) & set(rest.texts)
    assert set(rest.labels) == {"WISMO|OTHER"}
    assert drawn(shop, 1)[0].texts == fed.texts != drawn(shop, 2)[0].texts
