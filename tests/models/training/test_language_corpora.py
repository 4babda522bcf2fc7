"""The committed corpora in other languages, and the measure that finds texts alike by their letters."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import typer

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.data.corpus import LANGUAGES_DIR, Message, read_messages
from triage_models.data.held_out import LANGUAGES_DIR as HELD_OUT
from triage_models.training import corpus_check
from triage_models.training.corpus_check import repeated_in_language
from triage_models.training.duplicates import near_by_letters

LABELS = {message.label for message in read_messages()}
LARGE = {"de", "es", "fr", "hi", "pt"}
LANGUAGES = sorted(LARGE | {"ar", "id", "it", "nl", "pl", "tr"})
REGISTERS = {"keywords", "short", "typos", "slang", "angry", "polite", "long", "email", "emoji", "mixed"}
DEVANAGARI = {chr(point) for point in range(0x0900, 0x0980)}


def texts(messages: list[Message]) -> list[str]:
    """Return what the customers typed."""
    return [message.text for message in messages]


def test_each_language_has_a_corpus_and_held_out_messages() -> None:
    assert [file.stem for file in sorted(LANGUAGES_DIR.glob("*.csv"))] == LANGUAGES
    assert [file.stem for file in sorted(HELD_OUT.glob("*.csv"))] == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_enough_messages_of_each_intent_and_none_repeats_another(language: str) -> None:
    corpus, held_out = (read_messages(folder / f"{language}.csv") for folder in (LANGUAGES_DIR, HELD_OUT))
    assert len(corpus) >= (2_500 if language in LARGE else 800)
    assert len(held_out) >= (260 if language in LARGE else 120)
    for messages, least in ((corpus, 40), (held_out, 4)):
        assert {message.language for message in messages} == {language}
        assert {message.register for message in messages} <= REGISTERS
        assert all(message.text and message.text == message.text.strip() for message in messages)
        counts = Counter(label for message in messages for label in message.label.split("|"))
        assert set(counts) == LABELS
        assert min(counts.values()) >= least
    assert {message.label for message in corpus} == LABELS
    pairs = near_by_letters([*texts(corpus), *texts(held_out)])
    assert [pair for pair in pairs if pair.first < len(corpus)] == []


def test_the_hindi_messages_are_in_both_scripts() -> None:
    for folder in (LANGUAGES_DIR, HELD_OUT):
        messages = read_messages(folder / "hi.csv")
        share = sum(bool(DEVANAGARI & set(message.text)) for message in messages) / len(messages)
        assert 0.35 < share < 0.65


def test_texts_alike_by_letters_are_found_in_every_script() -> None:
    pairs = near_by_letters(
        ["Où est mon colis ?", "मेरा ऑर्डर कहाँ है", "où est mon colis", "मेरा ऑर्डर कहाँ है?", "annuler", "?", "??", ""]
    )
    assert [pair[:2] for pair in pairs] == [(0, 2), (1, 3)]
    assert all(pair.cosine == pytest.approx(1.0) for pair in pairs)


def test_words_that_minilm_does_not_know_are_compared_by_letters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    every = ["ईएमआई", "फफूंद", "cancela ya", "anula eso", "cancela  YA"]
    monkeypatch.setattr(corpus_check, "embed_with_base", lambda texts: np.ones((len(texts), 1), dtype=np.float32))
    found = repeated_in_language(every[:4], every[4:])
    assert [pair[:2] for pair in found] == [(2, 3), (2, 4), (3, 4)]


@pytest.mark.parametrize("last", ["hola de nuevo amigos", "¡Hola!"])
def test_the_check_fails_where_a_language_repeats_itself(
    last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "text,label,shop,register,channel,language",
        "hola,OOS,toys,short,chat,es",
        f"{last},OOS,toys,short,chat,es",
    ]
    (tmp_path / "es.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setattr(corpus_check, "LANGUAGES_DIR", tmp_path)
    for name in ("HELD_OUT_LANGUAGES", "CHANNELS_CSV", "TEMPLATES"):
        monkeypatch.setattr(corpus_check, name, tmp_path / "none")
    monkeypatch.setattr(corpus_check, "embed_with_base", lambda texts: np.eye(len(texts), dtype=np.float32))
    (tmp_path / "messages").write_text("text,label,shop,register\nhi,OOS,toys,short\n", encoding="utf-8")
    with pytest.raises(typer.Exit) as ended:
        corpus_check.main(corpus=tmp_path / "messages")
    repeats = last == "¡Hola!"
    assert ended.value.exit_code == repeats
    assert ("messages 1 and 2, 1.000: 'hola', '¡Hola!'" in capsys.readouterr().out) == repeats
