"""Planning a training run: data that cannot be learned from is refused, and rows are held out to calibrate with."""

from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.errors import DataError
from triage_models.training.plan import MIN_VALIDATION_ROWS, SMALL, make_plan

from tests.models.tiny import tiny_rows, write_csv

TWO = [("where is it", "A"), ("where is my parcel", "A"), ("cancel it", "B"), ("stop my order", "B")]


def refusal(
    file: Path, *, validation: Path | None = None, out_of_scope: Path | None = None, oos_label: str | None = None
) -> str:
    """Expect that `make_plan` refuses these files with one sentence, and return it."""
    with pytest.raises(DataError) as refused:
        make_plan(file, validation, out_of_scope, oos_label, seed=0)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,intent\nhi,A\n", "no column 'label' (its columns: text, intent)"),
        ("text|label\nhi|A\n", "no column 'text'"),
        ("text,Text,label\nhi,there,A\n", "has two columns 'text'"),
        ("", "is empty: it needs a header line with the columns text and label"),
        ("text,label\n", "no rows below its header"),
        ("text,label\nhi,A\n  ,B\n", "line 3: the row has no text"),
        ("text,label\nhi,A\nthere,\n", "line 3: the row has no label"),
        ("text,label\nhi,A\nthere\n", "line 3: the row has no label"),
        ("text,label,weight\nhi,A,much\n", "line 2: weight 'much' is not a number"),
        ("text,label,weight\nhi,A,0\n", "line 2: weight '0' is not a number above 0"),
        ("text,label,weight\nhi,A,nan\n", "line 2: weight 'nan' is not a number"),
        ("text,label,weight\nhi,A\n", "line 2: weight '' is not a number"),
        ("text,label\nhi,A\nhello,A\n", "one label to learn (A)"),
        ("text,label\nhi,OOS\nhello,A\nhey,A\n", "one label to learn (A)"),
        ("text,label\nhi,A b\nhello,B\nhey,a  B\n", "labels 'A b' and 'a  B' differ only in case or spacing"),
        ("text,label\nhi,A\nhello,B\nhey,C\n", "3 of 3 labels have a single row ('A' is one)"),
        ("text,label\nhi,A\nHI ,A\nhey,B\n", "2 of 2 labels have a single row ('A' is one)"),
        ("text,label\nhi, there,A\n", "line 2: the row has 3 cells, the header 2"),
        ('text,label\n"hi,A\nthere,B\n', "is not CSV: the quotation mark that opens in line 2 is never closed"),
        ('text,label\nyo,A\n"hi" there,A\n', "is not CSV at line 3"),
        ("PK\x03\x04", "is a workbook"),
    ],
)
def test_a_csv_that_cannot_be_learned_from_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(content, encoding="utf-8")
    assert says in refusal(file)


def test_a_file_that_is_not_there_not_utf8_or_a_folder_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("text,label\ncafé,A\n".encode("latin-1"))
    assert "There is no file" in refusal(tmp_path / "none.csv")
    assert "is not UTF-8 (byte" in refusal(latin)
    assert "cannot be read: is a directory" in refusal(tmp_path)


def test_an_out_of_scope_label_besides_out_of_scope_rows_in_a_file_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [*TWO, ("hello", "oos")])
    out_of_scope = write_csv(tmp_path / "out_of_scope.csv", [["good morning"]], ["text"])
    assert "has a label 'oos'" in refusal(file, out_of_scope=out_of_scope)
    plan = make_plan(file, None, out_of_scope, "oos", seed=0)
    assert plan.labels == ("A", "B")
    assert Counter(plan.train.labels)["oos"] == 2


def test_an_out_of_scope_label_that_no_row_has_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [*TWO, ("hello", "none")])
    assert "No row has the out-of-scope label 'nome'" in refusal(file, oos_label="nome")
    assert make_plan(file, None, None, "none", seed=0).labels == ("A", "B")


@pytest.mark.parametrize("name", ["oos", "OOS", "out_of_scope", "Out-of-Scope"])
def test_usual_names_of_out_of_scope_are_known(tmp_path: Path, name: str) -> None:
    rows = [*TWO, ("hello", name), ("good day", name)]
    plan = make_plan(write_csv(tmp_path / "rows.csv", rows), None, None, None, seed=0)
    assert (plan.labels, plan.oos_label, plan.synthetic_oos) == (("A", "B"), name, False)


def test_data_without_out_of_scope_rows_gets_synthetic_ones_and_a_note(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", tiny_rows(labels=("WISMO", "OTHER"))), None, None, None, seed=0)
    assert plan.synthetic_oos
    assert plan.classes == ("OTHER", "WISMO", "OOS")
    assert Counter(plan.train.labels)["OOS"] == 24
    assert any("24 of Triage's own" in note for note in plan.notes)


def test_a_thousand_labels_are_planned_like_two(tmp_path: Path) -> None:
    rows = [(f"message {number} of label {label}", f"L{label:04}") for label in range(1000) for number in range(3)]
    plan = make_plan(write_csv(tmp_path / "rows.csv", rows), None, None, None, seed=0)
    assert len(plan.labels) == 1000
    assert set(plan.train.labels) >= set(plan.labels)  # holding rows out leaves no label without
    assert len(plan.held_out) > 0


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*TWO, ("WHERE  is it", "A")]), None, None, None, seed=0)
    assert "1 repeated texts were dropped." in plan.notes
    assert Counter(plan.train.labels)["A"] == 2


def test_many_texts_with_two_labels_are_refused(tmp_path: Path) -> None:
    rows = [(f"message {number}", label) for number in range(30) for label in ("A", "B")]
    assert "30 of 60 rows repeat a text under another label" in refusal(write_csv(tmp_path / "rows.csv", rows))


def test_validation_rows_that_are_in_the_training_data_are_not_used(tmp_path: Path) -> None:
    own = tiny_rows(each=60, labels=("WISMO", "OTHER", "OOS"))
    train = write_csv(tmp_path / "train.csv", own[::2])
    every = write_csv(tmp_path / "every.csv", own)
    plan = make_plan(train, every, None, None, seed=0)
    assert not set(plan.held_out.texts) & set(plan.train.texts)
    assert any(note.startswith("90 validation rows are in the training data") for note in plan.notes)
    assert "Every row of" in refusal(train, validation=train)


def test_validation_rows_of_unknown_labels_or_too_few_are_refused(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", TWO)
    fresh = [(f"new message {number}", "AB"[number % 2]) for number in range(MIN_VALIDATION_ROWS)]
    assert "too few rows to calibrate" in refusal(train, validation=write_csv(tmp_path / "few.csv", fresh[1:]))
    unknown = write_csv(tmp_path / "unknown.csv", [*fresh, ("what", "C")])
    assert "labels that the training data lacks: C" in refusal(train, validation=unknown)
    enough = write_csv(tmp_path / "enough.csv", fresh)
    assert len(make_plan(train, enough, None, None, seed=0).held_out) >= MIN_VALIDATION_ROWS


def test_validation_rows_without_out_of_scope_get_some_from_the_training_data(tmp_path: Path) -> None:
    own = tiny_rows(each=40, labels=("WISMO", "OTHER"))
    scope = tiny_rows(each=20, labels=("OOS",))
    train = write_csv(tmp_path / "train.csv", [*own[::2], *scope])
    plan = make_plan(train, write_csv(tmp_path / "held.csv", own[1::2]), None, None, seed=0)
    assert (Counter(plan.train.labels)["OOS"], Counter(plan.held_out.labels)["OOS"]) == (15, 5)
    assert not set(plan.held_out.texts) & set(plan.train.texts)


def test_rows_are_held_out_only_if_there_are_enough(tmp_path: Path) -> None:
    enough = [(f"message {number}", "AB"[number % 2]) for number in range(SMALL)]
    assert len(make_plan(write_csv(tmp_path / "large.csv", enough), None, None, None, seed=0).held_out) > 0
    assert len(make_plan(write_csv(tmp_path / "small.csv", enough[1:]), None, None, None, seed=0).held_out) == 0
