"""The committed corpus, and the checks of `triage_models.training.corpus_check`."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.data.corpus import Message, read_messages
from triage_models.errors import DataError
from triage_models.training import corpus_check
from triage_models.training.corpus_check import distinct_ngram_share, near_duplicates, repeated_messages, split_words
from triage_models.training.duplicates import DuplicatePair, exact_duplicates

INTENTS = {
    "WISMO", "RETURN_REQUEST", "EXCHANGE_REQUEST", "CANCEL_ORDER", "DAMAGED_ITEM",
    "BILLING_DISPUTE", "PRODUCT_QUESTION", "ACCOUNT_ISSUE", "OTHER",
}  # fmt: skip
REGISTERS = {
    "keywords", "short", "typos", "slang", "esl", "indian", "hinglish", "angry", "polite", "long", "email", "emoji",
}  # fmt: skip
CHANNELS = {"chat", "post", "review", "app_store", "email", "voice"}


@pytest.fixture(scope="module")
def committed() -> list[Message]:
    return read_messages()


def test_the_corpus_has_many_messages_of_each_intent_and_out_of_scope(committed: list[Message]) -> None:
    counts = Counter(message.label for message in committed)
    assert set(counts) == INTENTS | {"OOS"}
    assert len(committed) >= 6000
    assert min(counts.values()) >= 500


def test_the_corpus_has_many_kinds_of_shop_and_all_registers(committed: list[Message]) -> None:
    assert len({message.shop for message in committed}) >= 40
    noted = Counter(message.register for message in committed if message.register)
    assert set(noted) == REGISTERS
    assert min(noted.values()) >= 100
    assert {message.shop for message in committed if not message.register} == {"pilot"}


def test_the_corpus_has_messages_with_and_without_an_intent_of_each_channel(committed: list[Message]) -> None:
    assert len(committed) == 21_845
    assert {message.channel for message in committed} == CHANNELS
    counts = Counter((message.channel, message.label == "OOS") for message in committed)
    assert min(counts[channel, foreign] for channel in CHANNELS for foreign in (True, False)) >= 50


def test_no_message_of_the_corpus_is_empty_padded_or_repeated(committed: list[Message]) -> None:
    assert all(message.text and message.text == message.text.strip() for message in committed)
    assert exact_duplicates([message.text for message in committed]) == []


def test_texts_that_differ_only_in_case_and_spacing_are_duplicates() -> None:
    assert exact_duplicates(["Where is it", "where?", "WHERE  is it ", "where is it"]) == [
        DuplicatePair(0, 2, 1.0),
        DuplicatePair(0, 3, 1.0),
    ]


def test_near_duplicates_are_found_within_and_across_blocks() -> None:
    vectors = np.random.default_rng(0).normal(size=(2500, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1500], vectors[2400], vectors[11] = vectors[3], vectors[2399], vectors[10]
    found = near_duplicates(vectors)
    assert [(pair.first, pair.second) for pair in found] == [(3, 1500), (10, 11), (2399, 2400)]
    assert all(pair.cosine == pytest.approx(1.0, abs=1e-5) for pair in found)


def test_messages_that_repeat_one_another_or_a_held_out_one_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, held_out = ["a", "b", "A", "c"], ["d", "B", "e", "e"]
    vectors = np.eye(8, dtype=np.float32)
    vectors[6] = vectors[3]  # c and e are alike
    monkeypatch.setattr(corpus_check, "embed_with_base", lambda every: vectors[: len(every)])
    found = repeated_messages(texts, held_out)
    assert [pair[:2] for pair in found] == [(0, 2), (1, 5), (3, 6)]
    assert [pair[:2] for pair in repeated_messages(texts)] == [(0, 2)]


def test_words_are_in_lower_case_with_their_apostrophe() -> None:
    assert split_words("Where's my ORDER?? #12_b") == ["where's", "my", "order", "12", "b"]


def test_ngrams_are_counted_within_texts_up_to_the_given_number_of_words() -> None:
    texts = ["a b a b", "a b c", "never reached"]
    assert distinct_ngram_share(texts, 7, 1) == pytest.approx(3 / 7)
    assert distinct_ngram_share(texts, 7, 2) == pytest.approx(3 / 5)  # ab ba ab | ab bc: no n-gram spans both texts
    assert distinct_ngram_share(texts, 5, 1) == pytest.approx(2 / 5)


def test_a_corpus_without_the_channel_was_typed_into_a_chat(tmp_path: Path) -> None:
    file = tmp_path / "messages.csv"
    file.write_text("text,label,shop,register\nhi,OOS,toys,short\n", encoding="utf-8")
    assert read_messages(file) == [Message("hi", "OOS", "toys", "short", "chat")]
    file.write_text("text,label,shop,register,channel\nhi,OOS,toys,short,post\n", encoding="utf-8")
    assert read_messages(file) == [Message("hi", "OOS", "toys", "short", "post")]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text,label\nhi,OOS\n",
        "text,label,shop,register\nhi,OOS\n",
        "text,label,shop,register,channel\nhi,OOS,toys,short\n",
        "text,label,shop,register\nhi,OOS,toys,short,post\n",
    ],
)
def test_a_file_with_other_columns_is_refused_with_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "messages.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="corpus"):
        read_messages(file)
