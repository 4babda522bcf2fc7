"""Reading training rows as spreadsheets and programs write them, their descriptions, and their fingerprint."""

from pathlib import Path

import pytest
from triage_models.data import training_rows
from triage_models.data.training_rows import TrainingRows, read_training_rows
from triage_models.errors import DataError

from tests.models.tiny import write_csv


def test_a_byte_order_mark_and_odd_spacing_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'\xef\xbb\xbftext,label\r\n  where is it ,A \r\n"two\nlines",B\r\n')
    assert read_training_rows(file) == TrainingRows(["where is it", "two\nlines"], ["A", "B"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolons.csv", b"\xef\xbb\xbfId;TEXT;Label;;\r\n1;hi;A b;;\r\n;;;;\r\n2;a;B;;\r\n"),
        ("declared.csv", b"sep=;\r\nText;Label\r\nhi;A b\r\na;B\r\n"),
        ("tabs.csv", "text\tlabel\r\nhi\tA b\r\na\tB\r\n".encode("utf-16")),
        ("spaced.csv", b' text , label\nhi,A b\n\n"a",B\n,\n'),
        ("lines.jsonl", b'{"text": "hi", "label": "A b", "n": 1}\n\n{"label": "B", "text": "a", "tags": ["x"]}\n'),
    ],
)
def test_a_table_is_read_as_spreadsheets_and_programs_write_it(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert read_training_rows(file) == TrainingRows(["hi", "a"], ["A b", "B"])


def test_groups_and_weights_are_read_where_there_are_columns_for_them(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "rows.csv", [("hi", "A", "shop 1", 0.5)], ("text", "label", "shop", "weight"))
    rows = read_training_rows(file)
    assert (rows.groups, rows.weights) == (["shop 1"], [0.5])
    assert read_training_rows(file, label="B").labels == ["B"]


def test_a_label_without_a_description_is_described_by_its_name(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "described.csv", [("A_B", "About b."), ("C", "")], ("label", "description"))
    described = training_rows.read_descriptions(file, ["A_B", "C", "D_E"])
    assert described == {"A_B": "About b.", "C": "c", "D_E": "d e"}
    with pytest.raises(DataError, match="no column 'description'"):
        training_rows.read_descriptions(write_csv(tmp_path / "other.csv", [("A", "b")], ("label", "means")), ["A"])
    with pytest.raises(DataError, match=r"none\.csv"):
        training_rows.read_descriptions(tmp_path / "none.csv", ["A"])


def test_the_fingerprint_is_of_texts_labels_and_weights_in_order() -> None:
    rows = TrainingRows(["a", "b"], ["A", "B"], [], [1.0, 1.0])
    others = [
        TrainingRows(["b", "a"], ["B", "A"]),
        TrainingRows(["a", "b"], ["A", "C"]),
        TrainingRows(["a", "c"], ["A", "B"]),
        TrainingRows(["a", "b"], ["A", "B"], [], [1.0, 2.0]),
    ]
    assert training_rows.fingerprint(rows) == training_rows.fingerprint(TrainingRows(["a", "b"], ["A", "B"]))
    assert len({training_rows.fingerprint(other) for other in (rows, *others)}) == 5
