"""Tables as people have them are read by one reader, or refused with the line and the remedy."""

import csv
import json
from pathlib import Path

import pytest
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.data.json_lines import WrittenNumber, json_objects
from triage_models.data.tables import open_table
from triage_models.data.training_rows import read_training_rows
from triage_models.errors import DataError
from triage_models.feedback.answers import read_answers

from tests.models.data.table_cases import BROKEN, MISLABELLED, ROWS, SHEET, Readable, Unreadable


def write(folder: Path, case: Readable | Unreadable) -> Path:
    file = folder / case.name
    file.write_bytes(case.content)
    return file


@pytest.mark.parametrize("case", SHEET, ids=lambda case: case.name)
def test_training_measuring_and_learning_read_the_same_rows(tmp_path: Path, case: Readable) -> None:
    file = write(tmp_path, case)
    notes: list[str] = []
    trained = read_training_rows(file, on_note=notes.append)
    assert list(zip(trained.texts, trained.labels, strict=True)) == ROWS
    measured = read_labelled_rows(file, notes.append)
    assert list(zip(measured.texts, measured.labels, strict=True)) == ROWS
    assert [(answer.text, answer.label) for answer in read_answers(file, notes.append)] == ROWS
    if case.note:
        assert len(notes) == 3
        assert len(set(notes)) == 1
        assert case.note in notes[0]
    else:
        assert notes == []


@pytest.mark.parametrize("case", [*BROKEN, *MISLABELLED], ids=lambda case: case.name)
def test_training_measuring_and_learning_refuse_the_same_files(tmp_path: Path, case: Unreadable) -> None:
    file = write(tmp_path, case)
    said = set()
    for read in (read_training_rows, read_labelled_rows, read_answers):
        with pytest.raises(DataError) as refused:
            read(file)
        said.add(str(refused.value))
    (sentence,) = said
    assert case.part in sentence
    assert sentence.startswith(str(file))
    assert "\n" not in sentence
    assert len(sentence) < 400 + len(str(file))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_are_whole_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, encoding: str
) -> None:
    rows = [f"wo ist Päckchen {number} 📦" for number in range(40)]
    file = tmp_path / "rows.csv"
    file.write_bytes(end.join(["text,label", *(f"{row},A" for row in rows)]).encode(encoding))
    for size in (5, 7, 64, 1000):
        monkeypatch.setattr("triage_models.data.text_lines.BLOCK_BYTES", size)
        assert read_labelled_rows(file).texts == rows
        with open_table(file, ["text"]) as table:
            assert [table.line for _ in table] == list(range(2, 42))


def test_a_text_of_2_mib_is_read(tmp_path: Path) -> None:
    text = "where is my parcel, please? " * 75_000
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["text", "label"], [text, "A"], ["hi", "B"]])
    assert read_training_rows(file).texts == [text.strip(), "hi"]


def test_a_quoted_text_may_have_lines_that_are_no_rows(tmp_path: Path) -> None:
    mail = "Hi,\nMy parcel, no 7, is late, again.\nBest,\nAnna"
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["text", "label"], [mail, "late"], ["hi", "hi"], ["Anna", "again."]])
    assert read_training_rows(file).texts == [mail, "hi", "Anna"]


def test_the_line_of_a_row_is_the_one_where_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('text,"label\n(one)",label\n"a\nb",,A\n\nc,,\n')
    with pytest.raises(DataError, match="line 6: the row has no label"):
        read_training_rows(file)


def test_weights_of_a_semicolon_table_may_have_decimal_commas(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text;label;weight\nhi;A;0,5\nbye;B;2\n")
    assert read_training_rows(file).weights == [0.5, 2.0]
    file.write_text('text,label,weight\nhi,A,"0,5"\nbye,B,2\n')
    with pytest.raises(DataError, match="line 2: weight '0,5' is not a number"):
        read_training_rows(file)


@pytest.mark.parametrize("column", ["weight", "Shop", "GROUP"])
def test_a_column_that_is_read_may_not_be_there_twice(tmp_path: Path, column: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"text,label,{column},{column.lower()}\nhi,A,1,2\n")
    with pytest.raises(DataError, match=f"two columns '{column.lower()}'"):
        read_training_rows(file)


def test_slices_have_names_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label,shop,shop,\nhi,A,1,2,x\nbye,B,3,4,y\n")
    assert read_labelled_rows(file).columns == {"shop": ["1", "3"], "shop (2)": ["2", "4"], "column 5": ["x", "y"]}


def test_labels_of_json_lines_have_their_digits_as_written(tmp_path: Path) -> None:
    values = ["1", "1.0", "1.10", "-0", "1e3", "12345678901234567890123", "true", '"1"', "0.1000000000000000055511"]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f'{{"text": "t{n}", "label": {value}}}\n' for n, value in enumerate(values)))
    assert read_labelled_rows(file).labels == [*values[:3], "0", *values[4:7], "1", values[8]]


def test_ids_of_answers_have_their_digits_as_written(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    ids = ["123456789012345678901234567890", "123456789012345678901234567891"]
    file.write_text("".join(f'{{"text": "t{one}", "label": "A", "message_id": {one}}}\n' for one in ids))
    assert [answer.message_id for answer in read_answers(file)] == ids


def test_half_an_emoji_and_an_escaped_pair_are_valid_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "cut \\ud83d", "label": "A"}\n{"text": "whole \\uD83D\\uDE00", "label": "B"}\n')
    assert read_labelled_rows(file).texts == ["cut \ufffd", "whole 😀"]


def test_numbers_keep_their_digits_and_behave_like_numbers() -> None:
    lines = ['{"a": 1.50, "b": 9223372036854775807, "c": 9223372036854775808, "d": [2.0], "e": -Infinity}']
    ((_, row),) = json_objects(lines, "it")
    assert row["a"] == 1.5
    assert str(row["a"]) == "1.50"
    assert (type(row["b"]), row["b"]) == (int, 2**63 - 1)
    assert isinstance(row["c"], WrittenNumber)
    assert (str(row["c"]), str(row["d"][0]), row["e"]) == ("9223372036854775808", "2.0", None)


def test_a_json_object_is_read_as_python_reads_it() -> None:
    line = json.dumps({"a": {"b": [1, "ü", None, True]}, "c": "x\ty"}, ensure_ascii=False)
    assert list(json_objects(["\n", line, "  "], "it")) == [(2, json.loads(line))]


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"), open_table(tmp_path / "none.csv", ["text"]):
        pass
    with pytest.raises(DataError, match="cannot be read: is a directory"), open_table(tmp_path, ["text"]):
        pass


def test_a_text_that_may_have_swallowed_rows_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('text,shop\nhi,1\n"where is it,2\nstop it,1\nyes,1\nno,2\nbye",1\n')
    notes: list[str] = []
    assert len(read_training_rows(file, label="OOS", on_note=notes.append)) == 2
    assert notes == [
        f"{file}, line 3: a text has several lines that look like rows of their own: if they are, a quotation mark is "
        "missing there."
    ]


def test_lines_of_a_json_text_are_never_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"text": "a,A\nb,A\nc,A\nd,A", "label": "A"}) + "\n")
    notes: list[str] = []
    assert len(read_training_rows(file, on_note=notes.append)) == 1
    assert notes == []
