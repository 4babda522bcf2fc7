from pathlib import Path

from triage_models.text.language_words import WordTable
from triage_models.training.language_words import count_words, main, read_rows


def test_words_of_two_texts_are_counted_once_in_each() -> None:
    rows = [("Wo wo ist es", "de"), ("wo denn", "de"), ("wo", "pl"), ("denn", "pl")]
    assert count_words(rows) == {"wo": {"de": 2, "pl": 1}, "denn": {"de": 1, "pl": 1}}


def test_hindi_among_english_rows_is_hindi(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "text,register\nkab aayega,hinglish\nwhere is it,short\nmera order kab aayega bhai,short\n", "utf-8"
    )
    assert sorted(read_rows([file])) == [("kab aayega", "hi"), ("where is it", "en")]


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,language\nwo ist es,de\nwo bleibt es,de\nwhere is it,en\nwhere was it,en\n", "utf-8")
    main([str(tmp_path / "table.tsv"), str(rows)])
    table = WordTable.read(tmp_path / "table.tsv")
    assert table.languages == ("de", "en")
    assert table.evidence(["wo", "es"]).scores[0] > table.evidence(["wo", "es"]).scores[1]
