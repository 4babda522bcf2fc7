"""Resolving answers: precedence, contradictions, and what is held out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_models.data.labelled import normalize_text
from triage_models.feedback.answers import Answer
from triage_models.feedback.resolve import HELD_OUT_SHARE, is_held_out, resolve_labels

LABELS = ("WISMO", "CANCEL_ORDER")

answers_of_any_kind = st.lists(
    st.builds(
        Answer,
        text=st.sampled_from([f"text {number}" for number in range(12)] + ["Text 3", " text  4"]),
        label=st.sampled_from([*LABELS, "OOS", "oos", "GONE"]),
        decided_by=st.sampled_from(["human", "llm"]),
        message_id=st.none() | st.sampled_from("abcdef"),
        conversation_id=st.none() | st.sampled_from("uvwxyz"),
    ),
    max_size=40,
)


def on_this_side(held: bool, stem: str = "text") -> str:
    """Return a text that is held out, or one that is not."""
    return next(text for number in range(100) if is_held_out(Answer(text := f"{stem} {number}", "WISMO")) is held)


@given(answers_of_any_kind)
def test_no_text_and_no_conversation_is_both_learned_from_and_held_out(answers: list[Answer]) -> None:
    resolved = resolve_labels(answers, LABELS, "OOS")
    learned = [*resolved.human, *resolved.llm]
    assert not {normalize_text(one.text) for one in learned} & {normalize_text(one.text) for one in resolved.held_out}
    conversations = {one.conversation_id for one in resolved.held_out if one.conversation_id}
    assert not conversations & {one.conversation_id for one in learned}


@given(answers_of_any_kind)
def test_resolved_labels_have_one_answer_per_text_with_a_label_of_the_bundle(answers: list[Answer]) -> None:
    resolved = resolve_labels(answers, LABELS, "OOS")
    everything = [*resolved.human, *resolved.llm, *resolved.held_out]
    assert len({normalize_text(one.text) for one in everything}) == len(everything)
    assert {one.label for one in everything} <= {*LABELS, "OOS"}
    assert {one.decided_by for one in (*resolved.human, *resolved.held_out)} <= {"human"}
    assert len(resolved.llm) <= len(resolved.human)


@given(answers_of_any_kind, answers_of_any_kind)
def test_more_answers_do_not_change_what_is_held_out(answers: list[Answer], later: list[Answer]) -> None:
    fresh = [Answer(f"later {one.text}", one.label, one.decided_by, f"later {one.message_id}") for one in later]
    now = resolve_labels(answers, LABELS, "OOS").held_out
    assert now == resolve_labels([*answers, *fresh], LABELS, "OOS").held_out[: len(now)]


def test_about_a_fifth_is_held_out() -> None:
    held = sum(is_held_out(Answer("x", "WISMO", conversation_id=f"conversation {number}")) for number in range(4000))
    assert held / 4000 == pytest.approx(HELD_OUT_SHARE, abs=0.02)


def test_people_take_precedence_over_llms_and_their_last_answer_counts() -> None:
    text = on_this_side(False)
    resolved = resolve_labels(
        [
            Answer(text, "WISMO", "human", "m"),
            Answer(text, "CANCEL_ORDER", "human", "m"),
            Answer(text, "WISMO", "llm", "m"),
            Answer(text, "WISMO", "llm", "other"),
        ],
        LABELS,
        "OOS",
    )
    assert [one.label for one in resolved.human] == ["CANCEL_ORDER"]
    assert resolved.llm == []


def test_people_who_disagree_about_a_text_are_left_out_and_counted() -> None:
    answers = [Answer("mattress?", "WISMO", "human", "m"), Answer("Mattress?", "CANCEL_ORDER", "human", "n")]
    resolved = resolve_labels(answers, LABELS, "OOS")
    assert (resolved.human, resolved.held_out) == ([], [])
    assert resolved.left_out == {"contradict one another about the same text": 2}


def test_none_of_these_becomes_out_of_scope_and_unknown_labels_are_counted() -> None:
    text = on_this_side(False)
    resolved = resolve_labels([Answer(text, "oos"), Answer("y", "RETIRED")], LABELS, "NOTHING")
    assert [one.label for one in resolved.human] == ["NOTHING"]
    assert resolved.left_out == {"have a label that the bundle lacks": 1}


def test_texts_of_the_test_set_are_neither_learned_from_nor_held_out() -> None:
    answers = [Answer(f"Text {number}", "WISMO") for number in range(20)]
    resolved = resolve_labels(
        answers, LABELS, "OOS", excluded={normalize_text(f"text {number}") for number in range(20)}
    )
    assert (resolved.human, resolved.held_out) == ([], [])
    assert resolved.left_out == {"stand in the test set": 20}


def test_llm_answers_are_limited_to_their_share() -> None:
    people = [Answer(f"person {number}", "WISMO") for number in range(100)]
    llm = [Answer(f"llm {number}", "WISMO", "llm") for number in range(500)]
    resolved = resolve_labels([*people, *llm], LABELS, "OOS", llm_per_human=0.5)
    assert len(resolved.llm) == len(resolved.human) // 2
    assert resolved.left_out["are an LLM's beyond its share"] == 500 - len(resolved.llm)
