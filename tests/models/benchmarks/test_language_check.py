from pathlib import Path

import pytest
from triage_models.benchmarks.language_check import HELD_OUT, main, measure, read_rows
from triage_models.text.language import LanguageDetector


def test_the_held_out_messages_reach_what_the_documentation_says() -> None:
    rows = read_rows([HELD_OUT / "channels.csv", HELD_OUT / "other_languages.csv"])
    short, whole = measure(LanguageDetector.open(), rows)
    counts = [sum(which.values()) for which in (whole.right, whole.wrong, whole.open)]
    assert sum(counts) == len(rows)
    english = whole.right["en"] + whole.wrong["en"] + whole.open["en"]
    assert whole.right["en"] / english > 0.96
    assert whole.wrong["en"] / english < 0.025
    assert short.right["en"] >= 48


def test_the_held_out_messages_are_in_the_twelve_languages_of_the_table() -> None:
    rows = read_rows([HELD_OUT / "channels.csv", *sorted((HELD_OUT / "languages").glob("*.csv"))])
    assert len(rows) == 2_630
    assert {language for _, language in rows} == set(LanguageDetector.open().languages)


def test_the_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "text,language\nwo ist mein paket,de-AT\nwhere is my parcel,\nhol van a csomagom,hu\nok,es\n", "utf-8"
    )
    main([str(file)])
    printed = capsys.readouterr().out
    de = next(line for line in printed.splitlines() if line.startswith("de"))
    assert de.split() == ["de", "1", "1.000", "0.000", "0.000", "1", "1.000", "0.000", "0.000"]
    assert next(line for line in printed.splitlines() if line.startswith("others")).split()[1:3] == ["1", "1.000"]
