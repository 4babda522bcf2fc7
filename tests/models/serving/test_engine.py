"""Tokens of long texts, and how rows are cut into batches."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from triage_models import DEFAULT_BUNDLE
from triage_models.serving import engine as engine_module
from triage_models.serving.engine import (
    GROWTH,
    LONG_TEXT,
    MAX_WINDOWS,
    SEVERAL_SENTENCES,
    UNREAD_WINDOWS,
    Encoded,
    Engine,
    open_tokenizer,
    sized_batches,
)
from triage_models.serving.sentences import MAX_SENTENCES, end_of, sentences_of

from tests.models.serving.shipped import shipped_classifier

WORDS = st.sampled_from(
    ["order", "naïve", "x" * 150, "!!", "日本", "\u200b", "\t", "\n", "", "\x00", "ß", "😀", "refund"]
)
LENGTH = 64


@pytest.fixture(scope="module")
def engine() -> Engine:
    return shipped_classifier().engine


def whole_text(text: str) -> Encoded:
    """What is read of a text, tokenized as a whole."""
    tokenizer = open_tokenizer(DEFAULT_BUNDLE / "tokenizer.json", LENGTH)
    whole = tokenizer.encode(text)
    further = [window.ids for window in whole.overflowing]
    if len(further) >= MAX_WINDOWS:
        return Encoded(whole.ids, True, tuple(further[: UNREAD_WINDOWS - 1]))
    end = [tokenizer.encode(end_of(text)).ids] if further else []
    sentences = [tokenizer.encode(sentence).ids for sentence in sentences_of(text)]
    if not further and len(sentences) < SEVERAL_SENTENCES:
        sentences = []
    return Encoded(whole.ids, False, (*further, *end), sentences=tuple(sentences))


@settings(max_examples=60)
@given(
    st.lists(WORDS, min_size=1, max_size=30), st.sampled_from([1, 5, 60, 400]), st.sampled_from([" ", "  ", "\n", ""])
)
def test_the_tokens_of_a_long_text_are_those_of_the_whole_of_it(words: list[str], times: int, between: str) -> None:
    text = between.join(words * times)
    (encoded,) = shipped_classifier().encode([text])
    assert encoded._replace(language=None, text=None) == whole_text(text)


@pytest.mark.parametrize("at_a_time", [1, 3, 100])
def test_sentences_are_those_of_their_text_however_many_are_read_at_a_time(
    engine: Engine, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "PIECES", at_a_time)
    long = " ".join(f"I ordered number {number} a week ago." for number in range(40))
    texts = ["Where is it? I wait. I ask. Please help.", "Hello", long, "", "One. Two. Three. Four. Five."]
    assert engine.encode(texts) == [whole_text(text) for text in texts]


@pytest.mark.parametrize("size", [LONG_TEXT - 1, LONG_TEXT, LONG_TEXT + 1, LONG_TEXT * GROWTH, LONG_TEXT * GROWTH + 1])
@pytest.mark.parametrize("start", ["", " ", "word "])
@pytest.mark.parametrize("filler", [" ", "x", "\u200b"])
def test_a_text_whose_words_come_late_is_read_to_the_end(engine: Engine, size: int, start: str, filler: str) -> None:
    text = start + filler * (size - len(start)) + " where is my parcel"
    assert engine.encode(["short", text])[1] == whole_text(text)


@given(st.lists(st.integers(1, 128), max_size=200), st.integers(1, 4096), st.integers(0, 64))
def test_batches_hold_every_row_once_within_budget_and_padding(lengths: list[int], tokens: int, padding: int) -> None:
    batches = list(sized_batches(lengths, tokens, padding=padding))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        of_batch = [lengths[row] for row in batch]
        assert len(batch) == 1 or len(batch) * max(of_batch) <= tokens
        assert len(batch) * max(of_batch) - sum(of_batch) <= padding


def test_a_batch_takes_what_fits() -> None:
    assert list(sized_batches([5, 1, 5, 9], 20, padding=3)) == [[1], [0, 2], [3]]
    assert list(sized_batches([5, 1, 5, 9], 20)) == [[1, 0, 2], [3]]
    assert list(sized_batches([], padding=4)) == []


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("where is it. please cancel the other one", "please cancel the other one"),
        ("where is it? please cancel the other one!!", "please cancel the other one"),
        ("where is it\n\nplease cancel the other one\n", "please cancel the other one"),
        ("one line without any end", "one line without any end"),
        (" ".join(map(str, range(40))), " ".join(map(str, range(24, 40)))),
        ("version 2.5 of it. see 3.7", "see 3.7"),
        ("どこですか。キャンセルして", "キャンセルして"),
        ("...", ""),
    ],
)
def test_the_end_of_a_text(text: str, end: str) -> None:
    assert end_of(text) == end


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("where is it. please cancel the other one", ["where is it.", "please cancel the other one"]),
        ("hello!\nwhere is it?  it was due\n\non monday", ["where is it?", "it was due", "on monday"]),
        (" ".join(map(str, range(17))), [" ".join(map(str, range(17))), " ".join(map(str, range(9, 17)))]),
        ("いつ 来る。今 どこ", ["いつ 来る", "今 どこ"]),
        ("...", []),
    ],
)
def test_the_sentences_of_a_text(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


@given(st.integers(0, 5 * MAX_SENTENCES))
def test_many_sentences_are_joined_and_none_is_lost(count: int) -> None:
    pieces = sentences_of(" ".join(f"it is {number}." for number in range(count)))
    assert len(pieces) <= MAX_SENTENCES
    assert " ".join(pieces) == " ".join(f"it is {number}." for number in range(count))
