"""Long texts: everything in them is read, and nothing is accepted that a part of them contradicts."""

import numpy as np
import pytest
from triage_models.serving.decision import Assessment, Reason
from triage_models.serving.windows import join_windows

from tests.models.serving.shipped import shipped_classifier

WISMO, CANCEL = 0, 1
STORY = (
    "hi, i ordered a grey wool coat on monday for my sister's birthday next week and paid for fast delivery. "
    "on wednesday you wrote that it had left the warehouse, but the tracking page has not changed since then and the "
    "courier says there is no parcel with that number. where is my parcel and when will it be here, the birthday is on "
    "friday"
)
ENDINGS = [
    "please cancel my other order",
    "also i want my money back for the shoes that came broken",
    "how do i reset my password",
    "and do you have the same coat in blue and what does it cost",
    "i want to exchange the jumper for a bigger size",
    "you have charged my card twice",
]


def assessment(*windows: tuple[int, float, Reason | None]) -> Assessment:
    """Windows with their intent, confidence and reason."""
    ranking = np.array([[intent, 1 - intent] for intent, _, _ in windows])
    confidence = np.array([confidence for _, confidence, _ in windows], dtype=np.float32)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    suggested = np.array([reason is not None and confidence >= 0.5 for _, confidence, reason in windows])
    return Assessment(probabilities, ranking, confidence, confidence, [reason for _, _, reason in windows], suggested)


def joined(*windows: tuple[int, float, Reason | None], truncated: bool = False) -> tuple[int, float, Reason | None]:
    """Intent, confidence and reason of a text with these windows."""
    found = join_windows(assessment(*windows), [len(windows)], [truncated])
    return int(found.ranking[0, 0]), round(float(found.confidence[0]), 3), found.reasons[0]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([(WISMO, 0.9, None)], (WISMO, 0.9, None)),
        ([(WISMO, 0.9, None), (WISMO, 0.97, None)], (WISMO, 0.9, None)),
        ([(WISMO, 0.9, None), (CANCEL, 0.99, None)], (CANCEL, 0.99, "ambiguous")),
        ([(CANCEL, 0.99, None), (WISMO, 0.9, None)], (CANCEL, 0.99, "ambiguous")),
        ([(WISMO, 0.99, None), (CANCEL, 0.9, None)], (WISMO, 0.99, "ambiguous")),
        ([(WISMO, 0.3, None), (CANCEL, 0.4, "low_confidence")], (CANCEL, 0.4, "low_confidence")),
        (
            [(WISMO, 0.9, None), (CANCEL, 0.3, "low_confidence"), (CANCEL, 0.4, "ambiguous")],
            (CANCEL, 0.3, "low_confidence"),
        ),
        (
            [(WISMO, 0.9, None), (CANCEL, 0.4, "ambiguous"), (CANCEL, 0.3, "low_confidence")],
            (CANCEL, 0.3, "low_confidence"),
        ),
        ([(CANCEL, 0.4, "low_confidence"), (WISMO, 0.3, "ambiguous")], (CANCEL, 0.4, "low_confidence")),
        ([(WISMO, 0.9, "out_of_scope"), (CANCEL, 0.4, "low_confidence")], (CANCEL, 0.4, "low_confidence")),
        ([(WISMO, 0.9, None), (WISMO, 0.1, "out_of_scope")], (WISMO, 0.9, None)),
        ([(WISMO, 0.1, "out_of_scope"), (WISMO, 0.9, None)], (WISMO, 0.9, None)),
        ([(WISMO, 0.9, None), (CANCEL, 0.4, "low_confidence")], (CANCEL, 0.4, "low_confidence")),
        ([(WISMO, 0.9, None), (WISMO, 0.4, "unfamiliar")], (WISMO, 0.4, "unfamiliar")),
        ([(WISMO, 0.3, "ambiguous"), (CANCEL, 0.4, "low_confidence")], (CANCEL, 0.4, "low_confidence")),
        ([(WISMO, 0.1, "out_of_scope"), (CANCEL, 0.4, "low_confidence")], (CANCEL, 0.4, "low_confidence")),
        ([(WISMO, 0.1, "out_of_scope"), (CANCEL, 0.2, "out_of_scope")], (CANCEL, 0.2, "out_of_scope")),
    ],
)
def test_windows_are_joined(
    windows: list[tuple[int, float, Reason | None]], expected: tuple[int, float, Reason | None]
) -> None:
    assert joined(*windows) == expected


def test_a_text_that_is_not_read_to_its_end_is_not_accepted() -> None:
    assert joined((WISMO, 0.9, None), truncated=True) == (WISMO, 0.9, "low_confidence")
    assert joined((WISMO, 0.9, None), (WISMO, 0.9, None), truncated=True)[2] == "low_confidence"
    batch = join_windows(assessment((WISMO, 0.9, None), (CANCEL, 0.8, None)), [1, 1], [False, True])
    assert batch.reasons == [None, "low_confidence"]
    assert joined((WISMO, 0.9, None), (CANCEL, 0.9, None), truncated=True)[2] == "ambiguous"


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ((CANCEL, 0.95, None), "ambiguous"),
        ((CANCEL, 0.9, None), "ambiguous"),
        ((CANCEL, 0.85, None), None),
        ((CANCEL, 0.95, "unfamiliar"), None),
        ((CANCEL, 0.95, "out_of_scope"), None),
        ((WISMO, 0.95, None), None),
    ],
)
def test_a_sentence_that_certainly_asks_for_something_else_makes_a_text_ambiguous(
    sentence: tuple[int, float, Reason | None], reason: Reason | None
) -> None:
    rows = assessment((WISMO, 0.9, None), (WISMO, 0.8, None), (WISMO, 0.3, "low_confidence"), sentence)
    found = join_windows(rows, [2], [False], [2])
    assert found.reasons == [reason]
    assert found.confidence.tolist() == [np.float32(0.8)]


def test_a_sentence_never_makes_a_text_accepted() -> None:
    rows = assessment(
        (WISMO, 0.3, "low_confidence"), (WISMO, 0.4, "ambiguous"), (WISMO, 0.99, None), (CANCEL, 0.9, None)
    )
    found = join_windows(rows, [2, 1], [False, False], [1, 0])
    assert found.reasons == ["ambiguous", None]
    unsure = assessment((WISMO, 0.3, "low_confidence"), (CANCEL, 0.99, None))
    assert join_windows(unsure, [1], [False], [1]).reasons == ["low_confidence"]
    assert found.ranking[:, 0].tolist() == [WISMO, CANCEL]


def test_a_sentence_does_not_contradict_a_window_that_has_the_whole_text() -> None:
    rows = assessment((WISMO, 0.9, None), (CANCEL, 0.99, None), (WISMO, 0.1, "out_of_scope"))
    found = join_windows(rows, [1], [False], [2])
    assert found.reasons == [None]
    assert found.ranking[0, 0] == WISMO


def test_a_wish_between_sentences_that_ask_for_nothing_is_shown_though_it_is_not_accepted() -> None:
    text = (
        "Hello there. I am a retired teacher and my wife keeps bees. The zip came off the bag after one day. "
        "Our dog is well again, thank you. Lovely weather at last."
    )
    (decision,) = shipped_classifier().classify([text])
    assert (decision.accepted, decision.intent) == (False, "DAMAGED_ITEM")


def test_texts_of_a_batch_are_joined_each_by_itself() -> None:
    found = join_windows(
        assessment((WISMO, 0.9, None), (CANCEL, 0.8, None), (CANCEL, 0.9, None), (WISMO, 0.7, None)),
        [1, 2, 1],
        [False, False, False],
    )
    assert found.ranking[:, 0].tolist() == [WISMO, CANCEL, WISMO]
    assert found.reasons == [None, None, None]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_story_that_ends_with_another_wish_is_not_accepted(ending: str) -> None:
    (decision,) = shipped_classifier().classify([f"{STORY}. {ending}"])
    assert not decision.accepted
    assert not decision.truncated


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("pattern", ["{1}. {0}", "{0}. {1}. thank you in advance", "{0}. {1}.\n\nKind regards\nAnna"])
def test_another_wish_is_found_wherever_it_is(pattern: str, ending: str) -> None:
    (decision,) = shipped_classifier().classify([pattern.format(STORY, ending)])
    assert not decision.accepted


def test_a_text_is_decided_the_same_alone_and_in_a_batch() -> None:
    texts = [f"{STORY}. {ending}" for ending in ENDINGS] + ["where is my parcel", STORY * 80, "thanks"]
    together = shipped_classifier().classify(texts)
    for text, expected in zip(texts, together, strict=True):
        (alone,) = shipped_classifier().classify([text])
        assert (alone.intent, alone.reason, alone.truncated) == (expected.intent, expected.reason, expected.truncated)
        assert alone.confidence == pytest.approx(expected.confidence, abs=1e-5)


def test_arrays_and_decisions_agree_on_long_texts() -> None:
    texts = [STORY, f"{STORY}. {ENDINGS[0]}", "where is my parcel", STORY * 80]
    decisions = shipped_classifier().classify(texts)
    arrays = shipped_classifier().classify_arrays(texts)
    assert arrays.intent.tolist() == [decision.intent for decision in decisions]
    assert arrays.reason.tolist() == [decision.reason for decision in decisions]
    assert arrays.truncated.tolist() == [False, False, False, True]


def test_a_text_is_suggested_by_the_window_that_decides_it_and_never_when_it_is_not_read_to_its_end() -> None:
    unsure = assessment((WISMO, 0.9, None), (CANCEL, 0.6, "low_confidence"))
    assert join_windows(unsure, [2], [False]).suggested.tolist() == [True]
    assert join_windows(unsure, [2], [True]).suggested.tolist() == [False]
    disagreeing = assessment((WISMO, 0.9, None), (CANCEL, 0.9, None))
    assert join_windows(disagreeing, [2], [False]).suggested.tolist() == [False]


def test_a_refused_text_is_shown_with_the_intent_that_is_surest() -> None:
    rows = assessment((CANCEL, 0.97, None), (WISMO, 0.4, "low_confidence"), (CANCEL, 0.98, None), (WISMO, 0.5, None))
    found = join_windows(rows, [2], [False], [2])
    assert found.ranking[0, 0] == CANCEL
    assert found.reasons == ["low_confidence"]
    assert found.confidence.tolist() == [np.float32(0.4)]
    unsure = assessment((CANCEL, 0.2, "ambiguous"), (WISMO, 0.4, "low_confidence"), (CANCEL, 0.3, "unfamiliar"))
    assert join_windows(unsure, [2], [False], [1]).ranking[0, 0] == WISMO


def test_a_window_is_not_suggested_if_a_sentence_is_shown_that_asks_for_something_else() -> None:
    other = join_windows(assessment((WISMO, 0.6, "low_confidence"), (CANCEL, 0.98, None)), [1], [False], [1])
    assert (other.ranking[0, 0], other.suggested.tolist()) == (CANCEL, [False])
    same = join_windows(assessment((WISMO, 0.6, "low_confidence"), (WISMO, 0.98, None)), [1], [False], [1])
    assert (same.ranking[0, 0], same.suggested.tolist()) == (WISMO, [True])
