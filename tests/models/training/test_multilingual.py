"""The rows of the multilingual bundle: some of each language are held out, and rows foreign only to English dropped."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.data.corpus import OOS_LABEL
from triage_models.data.training_rows import TrainingRows, read_training_rows
from triage_models.training import ecommerce, multilingual, multilingual_base

ENGLISH = [
    ("where is my order", "WISMO", "shoes"),
    ("Bonsoir, est-ce que la montre est étanche ?", OOS_LABEL, "watches"),
    ("thanks a lot, have a nice day", OOS_LABEL, "watches"),
    ("спасибо большое", OOS_LABEL, "watches"),
]


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TrainingRows, TrainingRows]:
    def few(public: Path, file: Path, *, without: object = ()) -> None:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "label", "shop", "weight"])
            writer.writerows((*row, 1.0) for row in ENGLISH)

    monkeypatch.setattr(ecommerce, "assemble", few)
    train, held_out = multilingual.assemble(tmp_path, tmp_path / "rows", without=["es:shoes"])
    return read_training_rows(train), read_training_rows(held_out)


def test_english_rows_in_a_language_of_the_bundle_are_not_out_of_scope(
    parts: tuple[TrainingRows, TrainingRows],
) -> None:
    texts = {*parts[0].texts, *parts[1].texts}
    assert {text for text, _, _ in ENGLISH} - texts == {"Bonsoir, est-ce que la montre est étanche ?"}


def test_an_eighth_of_each_language_is_held_out_in_kinds_of_shop(parts: tuple[TrainingRows, TrainingRows]) -> None:
    train, held_out = parts
    named = [{group for group in rows.groups if group} for rows in parts]
    assert not named[0] & named[1]
    for language in set(multilingual.languages()) - {"en"}:
        own, kept = (sum(group.startswith(f"{language}:") for group in rows.groups) for rows in (held_out, train))
        assert 0.08 < own / (own + kept) < 0.16, language
    assert not any(group == "es:shoes" for group in [*train.groups, *held_out.groups])


def test_languages_that_the_bundle_does_not_answer_are_held_out_whole(
    parts: tuple[TrainingRows, TrainingRows],
) -> None:
    train, held_out = ({group for group in rows.groups if group.startswith("other language:")} for rows in parts)
    assert train
    assert held_out
    assert not train & held_out
    assert {label for rows in parts for _, label in foreign_rows(rows)} == {OOS_LABEL}


def test_no_word_piece_is_kept_for_languages_that_the_bundle_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(multilingual, "read_packaged", lambda file: None)
    monkeypatch.setattr(multilingual_base, "packaged_file", lambda: tmp_path)
    monkeypatch.setattr(multilingual_base, "common_words", lambda languages, count: ["order"])
    monkeypatch.setattr(multilingual_base, "write_base", lambda model, texts, folder: kept.extend(texts))
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label,shop\nwhere is it,WISMO,shoes\nvar är den,OOS,other language:sv\n", encoding="utf-8")
    multilingual.write_base(tmp_path, rows)
    assert kept == ["where is it", "order"]


def foreign_rows(rows: TrainingRows) -> list[tuple[str, str]]:
    """Return group and label of the rows in languages that the bundle does not answer."""
    pairs = zip(rows.groups, rows.labels, strict=True)
    return [pair for pair in pairs if pair[0].startswith("other language:")]


def test_the_languages_are_those_of_the_corpora() -> None:
    assert multilingual.languages() == ["ar", "de", "en", "es", "fr", "hi", "id", "it", "nl", "pl", "pt", "tr"]
