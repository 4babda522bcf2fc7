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


@pytest.mark.parametrize("given", [0, 1, 600])
def test_out_of_scope_rows_from_elsewhere_are_judged_too_if_other_rows_have_groups(tmp_path: Path, given: int) -> None:
    rows = [(f"message {number}", "AB"[number % 2], f"shop {number % 40}") for number in range(3000)]
    file = write_csv(tmp_path / "rows.csv", rows, ("text", "label", "shop"))
    others = write_csv(tmp_path / "others.csv", [[f"hello {number}"] for number in range(given)] or [["hi"]], ["text"])
    plan = make_plan(file, None, others if given else None, None, seed=0)
    oos = Counter(plan.held_out.labels)["OOS"]
    assert oos == round(0.1 * (oos + Counter(plan.train.labels)["OOS"]))
    assert oos >= 20
    assert plan.held_out_source == f"{300 + oos} rows held out, 4 whole groups among them"


def test_groups_that_rows_were_drawn_from_are_not_called_whole(tmp_path: Path) -> None:
    rows = [(f"message {number}", "AB"[number % 2], f"shop {number % 3}") for number in range(SMALL)]
    plan = make_plan(write_csv(tmp_path / "rows.csv", rows, ("text", "label", "shop")), None, None, None, seed=0)
    assert plan.held_out_source == f"{len(plan.held_out)} rows held out"


def test_labels_with_a_single_row_are_learned_and_listed(tmp_path: Path) -> None:
    rows = [(f"message {number} of {label}", f"L{label:02}") for label in range(59) for number in range(9)]
    single = [row for row in rows if row[1] > "L51" and "message 0" in row[0]]
    file = write_csv(tmp_path / "rows.csv", [row for row in rows if row[1] <= "L51"] + single)
    plan = make_plan(file, None, None, None, seed=0)
    assert len(plan.labels) == 59
    assert plan.notes[0] == (
        "7 of 59 labels have a single row, so they are learned but cannot be judged: L52, L53, L54, L55, L56, L57, L58."
    )


@pytest.mark.parametrize("groups", [0, 20])
def test_the_only_row_of_a_label_is_never_held_out(tmp_path: Path, groups: int) -> None:
    many = [(f"message {number}", "AB"[number % 2], f"shop {number % max(1, groups)}") for number in range(SMALL + 50)]
    single = [(f"rare {number}", f"R{number}", f"shop {number % max(1, groups)}") for number in range(30)]
    file = write_csv(tmp_path / "rows.csv", many + single, ("text", "label", "shop"))
    for seed in range(5):
        plan = make_plan(file, None, None, None, seed)
        assert len(plan.held_out) > 100
        assert not any(label.startswith("R") for label in plan.held_out.labels)
        assert sum(label.startswith("R") for label in plan.train.labels) == 30
        assert len(set(plan.train.texts) | set(plan.held_out.texts)) == len(plan.train) + len(plan.held_out)


def test_one_label_with_a_single_row_of_two_is_trained_and_none_of_two_is_not(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*TWO[:3]]), None, None, None, seed=0)
    assert plan.labels == ("A", "B")
    said = refusal(write_csv(tmp_path / "few.csv", [TWO[0], TWO[2]]))
    assert "2 of 2 labels have a single row ('A' is one), so nothing could be judged: give at least one" in said


def test_a_label_column_that_is_hardly_one_is_doubted(tmp_path: Path) -> None:
    rows = [(f"message {number}", f"id {number}") for number in range(30)]
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*rows, ("one more", "id 0")]), None, None, None, seed=0)
    assert "29 of 30 labels have a single row" in plan.notes[0]
    assert plan.notes[0].endswith("id 27 and 9 more. Is 'label' the right column?")


def test_a_single_out_of_scope_row_is_learned_and_others_are_added(tmp_path: Path) -> None:
    own = tiny_rows(labels=("WISMO", "OTHER"))
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*own, ("lovely weather", "oos")]), None, None, None, seed=0)
    assert plan.synthetic_oos
    assert Counter(plan.train.labels)["oos"] == 1 + round(0.5 * 49)
    assert "The data has a single out-of-scope row: 24 of Triage's own were added." in plan.notes
    file = write_csv(tmp_path / "intents.csv", own)
    one = write_csv(tmp_path / "oos.csv", [["lovely weather"]], ["text"])
    assert make_plan(file, None, one, None, seed=0).synthetic_oos


def test_labels_without_validation_rows_are_listed(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", [*TWO, ("open late?", "C"), ("closed?", "C")])
    fresh = [(f"new message {number}", "ab"[number % 2]) for number in range(MIN_VALIDATION_ROWS)]
    plan = make_plan(train, write_csv(tmp_path / "fresh.csv", [*fresh, ("hm", "out_of_scope")]), None, None, seed=0)
    assert set(plan.held_out.labels) == {"A", "B", "OOS"}
    assert "The label 'a' (10 rows) looks like 'A' and is read as that." in plan.notes
    unjudged = [note for note in plan.notes if "no validation rows" in note]
    assert unjudged == ["1 of 3 labels have no validation rows, so they are learned but cannot be judged: C."]


def test_what_repeated_texts_take_away_is_reported(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*TWO, ("Stop my order", "C")]), None, None, None, seed=0)
    assert plan.labels == ("A", "B")
    assert plan.notes[:3] == [
        "1 repeated texts were dropped.",
        "1 of them had another label than the first of its kind, which counts.",
        "No row is left of C: their texts stand before, under other labels.",
    ]


def test_two_names_of_out_of_scope_are_refused(tmp_path: Path) -> None:
    rows = [*TWO, ("hello", "OOS"), ("good day", "out_of_scope")]
    assert "The labels 'OOS' and 'out_of_scope' both mean" in refusal(write_csv(tmp_path / "rows.csv", rows))


def test_skipped_rows_are_reported(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [*TWO, ("", ""), ("text", "label")])
    assert make_plan(file, None, None, None, seed=0).notes[0] == (
        f"{file}: 1 repetition of the header, 1 empty row skipped."
    )


def test_a_validation_row_counts_once(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", TWO)
    fresh = [(f"new message {number}", "AB"[number % 2]) for number in range(MIN_VALIDATION_ROWS)]
    twice = write_csv(tmp_path / "twice.csv", fresh * 2)
    plan = make_plan(train, twice, None, None, seed=0)
    assert sum(label != "OOS" for label in plan.held_out.labels) == MIN_VALIDATION_ROWS
    assert f"{twice}: {MIN_VALIDATION_ROWS} repeated texts were dropped." in plan.notes
    assert "too few rows to calibrate" in refusal(train, validation=write_csv(tmp_path / "few.csv", fresh[:10] * 2))
