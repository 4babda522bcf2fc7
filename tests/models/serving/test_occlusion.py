"""Which words carry a decision."""

from collections.abc import Sequence

import pytest
from triage_models.serving.occlusion import LEAST_PIECES, MOST_PIECES, influences, pieces_for, spans_of


def test_each_word_is_left_out_once_and_the_whole_text_comes_first() -> None:
    asked: list[str] = []

    def probability(texts: list[str]) -> Sequence[float]:
        asked.extend(texts)
        return [0.2 + 0.5 * ("back" in text) - 0.1 * ("ok" in text) for text in texts]

    found = influences("send it  back\nok", MOST_PIECES, probability)
    assert asked == ["send it  back\nok", " it  back\nok", "send   back\nok", "send it  \nok", "send it  back\n"]
    assert [(one.start, one.end) for one in found.pieces] == [(0, 4), (5, 7), (9, 13), (14, 16)]
    assert [one.fall for one in found.pieces] == pytest.approx([0.0, 0.0, 0.5, -0.1])
    assert found.together == ()


def test_words_that_say_the_same_are_found_together() -> None:
    def probability(texts: list[str]) -> Sequence[float]:
        return [0.9 if "parcel" in text else 0.88 if "order" in text else 0.1 for text in texts]

    found = influences("my order my parcel", MOST_PIECES, probability)
    assert [found.pieces[number].start for number in found.together] == [3, 12], "and none that is not needed"
    assert found.fall == pytest.approx(0.8)
    nothing = influences("a b", MOST_PIECES, lambda texts: [0.5] * len(texts))
    assert (nothing.together, nothing.fall) == ((), 0.0)


def test_a_text_without_words_has_no_pieces() -> None:
    assert influences(" \n", MOST_PIECES, lambda _: pytest.fail("nothing is classified")).pieces == []


def test_many_words_are_left_out_in_groups() -> None:
    text = "a b c d e f g"
    assert spans_of(text, 3) == [(0, 5), (6, 11), (12, 13)]
    assert spans_of(text, 7) == [(place, place + 1) for place in range(0, 13, 2)]


def test_characters_of_scripts_without_blanks_are_words() -> None:
    assert spans_of("我的包裹 ok", 10) == [(0, 1), (1, 2), (2, 3), (3, 4), (5, 7)]


@pytest.mark.parametrize(("tokens", "pieces"), [(1, MOST_PIECES), (200, 30), (5_000, LEAST_PIECES), (0, MOST_PIECES)])
def test_longer_texts_have_fewer_pieces(tokens: int, pieces: int) -> None:
    assert pieces_for(tokens, 6_000) == pieces
