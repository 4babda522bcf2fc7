"""Reading labelled rows, refusing what cannot be learnt from, and dividing them: no training here."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.errors import DataError
from triage_models.training import data
from triage_models.training.data import Rows
from triage_models.training.plan import FEWEST_HELD, SMALL, make_plan

from tests.models.tiny import tiny_rows, write_csv

TWO = [("where is it", "A"), ("where is my parcel", "A"), ("cancel it", "B"), ("stop my order", "B")]
Given = tuple[Sequence[str], Sequence[Sequence[object]]]


def refusal(
    file: Path, *, validation: Path | None = None, foreign: Path | None = None, scope: str | None = None
) -> str:
    """The one sentence that `make_plan` refuses these files with."""
    with pytest.raises(DataError) as refused:
        make_plan(file, validation, foreign, scope, seed=0)
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
        ("", "no column 'text' (its columns: none)"),
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
        ("text,label\nhi,A\nHI ,A\nhey,B\nyo,B\n", "1 of 2 labels have a single row ('A' is one)"),
        ("text,label\nhi, there,A\n", "line 2: the row has 3 cells, the header 2"),
        ('text,label\n"hi,A\nthere,B\n', "is not CSV at line 3"),
        ('text,label\nyo,A\n"hi" there,A\n', "is not CSV at line 3"),
        ("PK\x03\x04", "is a workbook"),
    ],
)
def test_a_csv_that_cannot_be_learnt_from_is_refused(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(content, encoding="utf-8")
    assert says in refusal(file)


def test_a_file_that_is_not_there_not_utf8_or_a_folder_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("text,label\ncafé,A\n".encode("latin-1"))
    assert "There is no file" in refusal(tmp_path / "none.csv")
    assert "is not UTF-8 (byte" in refusal(latin)
    assert "cannot be read: is a directory" in refusal(tmp_path)


def test_a_spreadsheets_byte_order_mark_and_odd_spacing_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'\xef\xbb\xbftext,label\r\n  where is it ,A \r\n"two\nlines",B\r\n')
    assert data.read_csv(file) == Rows(["where is it", "two\nlines"], ["A", "B"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolons.csv", b"\xef\xbb\xbfId;TEXT;Label;;\r\n1;hi;A b;;\r\n;;;;\r\n2;a;B;;\r\n"),
        ("told.csv", b"sep=;\r\nText;Label\r\nhi;A b\r\na;B\r\n"),
        ("tabs.csv", "text\tlabel\r\nhi\tA b\r\na\tB\r\n".encode("utf-16")),
        ("spaced.csv", b' text , label\nhi,A b\n\n"a",B\n,\n'),
        ("lines.jsonl", b'{"text": "hi", "label": "A b", "n": 1}\n\n{"label": "B", "text": "a", "tags": ["x"]}\n'),
    ],
)
def test_a_table_is_read_as_spreadsheets_and_programs_write_it(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert data.read_csv(file) == Rows(["hi", "a"], ["A b", "B"])


def test_groups_and_weights_are_read_where_there_are_columns_for_them(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [("hi", "A", "shop 1", 0.5)], ("text", "label", "shop", "weight"))
    rows = data.read_csv(file)
    assert (rows.groups, rows.weights) == (["shop 1"], [0.5])
    assert data.read_csv(file, label="B").labels == ["B"]


def test_a_label_called_like_the_out_of_scope_one_beside_rows_of_a_file_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [*TWO, ("hello", "oos")])
    foreign = write_csv(tmp_path / "foreign.csv", [["good morning"]], ["text"])
    assert "has a label 'oos'" in refusal(file, foreign=foreign)
    plan = make_plan(file, None, foreign, "oos", seed=0)
    assert plan.labels == ("A", "B")
    assert Counter(plan.train.labels)["oos"] == 2


def test_an_out_of_scope_label_that_no_row_has_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [*TWO, ("hello", "none")])
    assert "No row has the out-of-scope label 'nome'" in refusal(file, scope="nome")
    assert make_plan(file, None, None, "none", seed=0).labels == ("A", "B")


@pytest.mark.parametrize("name", ["oos", "OOS", "out_of_scope", "Out-of-Scope"])
def test_usual_names_of_out_of_scope_are_known(tmp_path: Path, name: str) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*TWO, ("hello", name)]), None, None, None, seed=0)
    assert (plan.labels, plan.scope, plan.made) == (("A", "B"), name, False)


def test_data_without_out_of_scope_rows_gets_some_and_says_so(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", tiny_rows(labels=("WISMO", "OTHER"))), None, None, None, seed=0)
    assert plan.made
    assert plan.classes == ("OTHER", "WISMO", "OOS")
    assert Counter(plan.train.labels)["OOS"] == 24
    assert any("24 of Triage's own" in note for note in plan.notes)


def test_a_thousand_labels_are_planned_as_two_are(tmp_path: Path) -> None:
    rows = [(f"message {number} of label {label}", f"L{label:04}") for label in range(1000) for number in range(3)]
    plan = make_plan(write_csv(tmp_path / "rows.csv", rows), None, None, None, seed=0)
    assert len(plan.labels) == 1000
    assert set(plan.train.labels) >= set(plan.labels)  # holding rows out leaves no label without
    assert len(plan.held) > 0


def test_repeats_are_dropped_and_counted(tmp_path: Path) -> None:
    plan = make_plan(write_csv(tmp_path / "rows.csv", [*TWO, ("WHERE  is it", "A")]), None, None, None, seed=0)
    assert "1 repeated texts were dropped." in plan.notes
    assert Counter(plan.train.labels)["A"] == 2


def test_texts_under_two_labels_at_once_are_refused_when_they_are_many(tmp_path: Path) -> None:
    rows = [(f"message {number}", label) for number in range(30) for label in ("A", "B")]
    assert "30 of 60 rows repeat a text under another label" in refusal(write_csv(tmp_path / "rows.csv", rows))


def test_rows_of_the_training_data_are_not_calibrated_with(tmp_path: Path) -> None:
    own = tiny_rows(each=60, labels=("WISMO", "OTHER", "OOS"))
    train = write_csv(tmp_path / "train.csv", own[::2])
    every = write_csv(tmp_path / "every.csv", own)
    plan = make_plan(train, every, None, None, seed=0)
    assert not set(plan.held.texts) & set(plan.train.texts)
    assert any(note.startswith("90 validation rows stand in the training data") for note in plan.notes)
    assert "Every row of" in refusal(train, validation=train)


def test_validation_rows_of_unknown_labels_or_too_few_are_refused(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", TWO)
    fresh = [(f"new message {number}", "AB"[number % 2]) for number in range(FEWEST_HELD)]
    assert "too few rows to calibrate" in refusal(train, validation=write_csv(tmp_path / "few.csv", fresh[1:]))
    unknown = write_csv(tmp_path / "unknown.csv", [*fresh, ("what", "C")])
    assert "labels that the training data lacks: C" in refusal(train, validation=unknown)
    assert len(make_plan(train, write_csv(tmp_path / "enough.csv", fresh), None, None, seed=0).held) >= FEWEST_HELD


def test_validation_without_out_of_scope_rows_borrows_some_from_training(tmp_path: Path) -> None:
    own = tiny_rows(each=40, labels=("WISMO", "OTHER"))
    scope = tiny_rows(each=20, labels=("OOS",))
    train = write_csv(tmp_path / "train.csv", [*own[::2], *scope])
    plan = make_plan(train, write_csv(tmp_path / "held.csv", own[1::2]), None, None, seed=0)
    assert (Counter(plan.train.labels)["OOS"], Counter(plan.held.labels)["OOS"]) == (15, 5)
    assert not set(plan.held.texts) & set(plan.train.texts)


def test_rows_are_held_out_only_where_they_can_be_spared(tmp_path: Path) -> None:
    enough = [(f"message {number}", "AB"[number % 2]) for number in range(SMALL)]
    assert len(make_plan(write_csv(tmp_path / "large.csv", enough), None, None, None, seed=0).held) > 0
    assert len(make_plan(write_csv(tmp_path / "small.csv", enough[1:]), None, None, None, seed=0).held) == 0


LABELLED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=120)


@given(LABELLED, st.floats(0, 0.6), st.integers(0, 99), st.booleans())
def test_a_split_loses_no_row_and_leaves_every_label_to_train_on(
    drawn: list[tuple[int, int]], share: float, seed: int, grouped: bool
) -> None:
    rows = Rows(
        [str(number) for number in range(len(drawn))],
        [f"L{label}" for label, _ in drawn],
        [f"G{group}" if group else "" for _, group in drawn] if grouped else [],
    )
    kept, held = data.split(rows, share, seed)
    assert sorted(kept.texts + held.texts, key=int) == rows.texts
    assert set(kept.labels) == set(rows.labels)
    assert data.split(rows, share, seed) == (kept, held)


def test_a_split_keeps_groups_whole() -> None:
    rows = Rows(
        [str(n) for n in range(400)], ["AB"[n % 2] for n in range(400)], [f"shop {n // 20}" for n in range(400)]
    )
    kept, held = data.split(rows, 0.2, seed=1)
    assert not set(kept.groups) & set(held.groups)
    assert 40 <= len(held) <= 120


def test_groups_too_large_to_hold_out_are_split_by_rows() -> None:
    rows = Rows([str(n) for n in range(400)], ["AB"[n % 2] for n in range(400)], [f"shop {n % 8}" for n in range(400)])
    _, held = data.split(rows, 0.04, seed=1)
    assert len(held) == 16


@pytest.mark.parametrize(("each", "share"), [(3, 0.1), (8, 0.0625), (20, 0.02), (2, 0.1)])
def test_of_many_labels_with_few_rows_as_large_a_share_is_held_out(each: int, share: float) -> None:
    """A share of less than half a row a label held out none at all: nothing judged, and training ended at once."""
    labels = [f"label {number % 1000}" for number in range(each * 1000)]
    _, held = data.split(Rows([str(number) for number in range(len(labels))], labels), share, seed=0)
    assert len(held) == pytest.approx(share * len(labels), rel=0.02)
    assert len(set(held.labels)) > 0.9 * len(held)  # spread over the labels


def test_a_label_without_a_description_is_described_by_its_name(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "said.csv", [("A_B", "About b."), ("C", "")], ("label", "description"))
    assert data.read_descriptions(file, ["A_B", "C", "D_E"]) == {"A_B": "About b.", "C": "c", "D_E": "d e"}
    with pytest.raises(DataError, match="no column 'description'"):
        data.read_descriptions(write_csv(tmp_path / "other.csv", [("A", "b")], ("label", "means")), ["A"])
    with pytest.raises(DataError, match=r"none\.csv"):
        data.read_descriptions(tmp_path / "none.csv", ["A"])


def test_the_fingerprint_is_of_texts_labels_and_weights_in_order() -> None:
    rows = Rows(["a", "b"], ["A", "B"], [], [1.0, 1.0])
    others = [
        Rows(["b", "a"], ["B", "A"]),
        Rows(["a", "b"], ["A", "C"]),
        Rows(["a", "c"], ["A", "B"]),
        Rows(["a", "b"], ["A", "B"], [], [1.0, 2.0]),
    ]
    assert data.fingerprint(rows) == data.fingerprint(Rows(["a", "b"], ["A", "B"]))
    assert len({data.fingerprint(other) for other in (rows, *others)}) == 5
