"""Long texts with the shipped bundle: what is accepted is what they ask for, wherever in them."""

from collections import Counter

from tests.models.serving.long_texts.measure import long_texts
from tests.models.serving.long_texts.nine_hundred import PLACES, WISHES, measure, text_of
from tests.models.serving.shipped import shipped_classifier

MOST_CONTRADICTED = 0.05
"""The share of accepted texts that ask for something else."""


def outcomes(place: str) -> Counter[str]:
    texts = [text for text in long_texts(place) if text.size == "331"]
    decisions = shipped_classifier().classify([text.text for text in texts])
    return Counter(text.outcome(decision) for text, decision in zip(texts, decisions, strict=True))


def test_accepted_stories_have_the_intent_of_the_wish_at_their_end() -> None:
    found = outcomes("at the end")
    assert found["right"] >= 30
    assert found["contradicts"] + found["nothing asked"] <= MOST_CONTRADICTED * found["right"]


def test_accepted_stories_have_the_intent_of_the_wish_elsewhere_in_them() -> None:
    found = outcomes("at the beginning") + outcomes("before a signature") + outcomes("after a comma")
    assert found["right"] >= 90
    assert found["contradicts"] <= MOST_CONTRADICTED * found["right"]


def test_nothing_is_accepted_of_what_is_not_read_to_its_end() -> None:
    texts = [text for text in long_texts("at the end") if text.size == "2,500"]
    decisions = shipped_classifier().classify([" ".join([text.text] * 4) for text in texts[::4]])
    assert all(decision.truncated and not decision.accepted for decision in decisions)


def test_a_wish_is_found_at_the_end_of_900_words_as_at_the_beginning() -> None:
    numbers = range(len(WISHES))
    for place in PLACES:
        assert 890 <= len(text_of(0, place).split()) <= 920
        right, accepted, of_these = measure(shipped_classifier(), place, numbers)
        assert right >= len(numbers) - 2, place
        assert accepted >= 8, place
        assert of_these >= accepted - 1, place


def test_the_texts_are_of_the_sizes_that_are_reported() -> None:
    texts = long_texts("at the end")
    assert Counter(text.size for text in texts) == {"331": 24 * 8, "900": 4 * 8, "2,500": 2 * 8}
    wishes = Counter(bool(text.story_intent) for text in texts if text.size == "331")
    assert wishes == {True: 96, False: 96}
