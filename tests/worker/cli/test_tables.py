"""Files as people have them: every command reads them alike, or refuses them with the same sentence and exit code 2."""

import gzip
import json
import os
from pathlib import Path
from threading import Thread

import pytest

from tests.models.data.table_cases import BROKEN, MISLABELLED, PLAIN, SHEET, Readable, Unreadable
from tests.worker.cli.result import Triage, answers, refused

COMMANDS = {
    "train": ["train", "--output", "made", "--data"],
    "evaluate": ["evaluate", "--data"],
    "learn": ["learn", "--output", "made", "--labels"],
    "classify": ["classify", "--input"],
    "classify into a file": ["classify", "--output", "out.jsonl", "--input"],
}
LABELLED = ("train", "evaluate", "learn")


@pytest.fixture(autouse=True)
def _with_training() -> None:
    pytest.importorskip("torch", reason="needs the [train] extra")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", [case for case in BROKEN if case.name != "empty.jsonl"], ids=lambda case: case.name)
def test_no_command_reads_a_broken_file(triage: Triage, tmp_path: Path, case: Unreadable, command: str) -> None:
    (tmp_path / case.name).write_bytes(case.content)
    refused(triage(*COMMANDS[command], case.name), case.part)
    assert [file.name for file in tmp_path.iterdir()] == [case.name]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("rows.csv.gz", gzip.compress(PLAIN.encode()), "is compressed with gzip: unpack it first, for example with gu"),
        ("rows.xlsx", b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "is an Excel workbook: save it as UTF-8 (in Excel"),
        (
            "rows.ods",
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "is an OpenDocument workbook",
        ),
        ("rows.db", b"SQLite format 3\0", "is an SQLite database: convert it to CSV or JSON lines"),
    ],
)
def test_every_command_says_what_to_do_with_a_file_that_is_no_text(
    triage: Triage, tmp_path: Path, command: str, name: str, content: bytes, part: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(triage(*COMMANDS[command], name), f"{name} {part}")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.csv.gz", "nowhere"])
def test_every_command_says_that_a_file_is_missing(triage: Triage, command: str, name: str) -> None:
    refused(triage(*COMMANDS[command], name), f"There is no file {name}: check the path.")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["rows.csv", "rows"])
def test_every_command_names_a_folder(triage: Triage, tmp_path: Path, command: str, name: str) -> None:
    (tmp_path / name).mkdir()
    refused(triage(*COMMANDS[command], name), f"{name} is a folder: name a file in it.")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "evaluate"])
@pytest.mark.parametrize("name", ["rows.csv", "rows"])
def test_a_pipe_is_refused_where_it_would_be_read_twice(
    triage: Triage, tmp_path: Path, command: str, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    remedy = "use `-` for lines of text" if command.startswith("classify") and name == "rows" else "save its content to"
    ran = triage(*COMMANDS[command], name)
    refused(ran, f"{name} is a pipe or a device")
    assert remedy in ran.err


@pytest.mark.parametrize("option", ["--validation", "--out-of-scope", "--descriptions"])
def test_train_checks_all_its_files_first(triage: Triage, tmp_path: Path, option: str) -> None:
    (tmp_path / "in.csv").write_text(PLAIN)
    refused(triage("train", "--data", "in.csv", "--output", "made", option, "none.csv"), "There is no file none.csv")


def test_evaluate_reads_a_pipe(triage: Triage, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows")
    writing = Thread(target=(tmp_path / "rows").write_text, args=["text,label\nwhere is it,WISMO\n"])
    writing.start()
    ran = triage("evaluate", "--data", "rows", "--json")
    writing.join()
    assert (ran.code, json.loads(ran.out)["rows"]) == (0, 1)


@pytest.mark.parametrize("command", LABELLED)
@pytest.mark.parametrize("case", MISLABELLED, ids=lambda case: case.name)
def test_no_command_learns_from_or_measures_with_rows_without_a_label(
    triage: Triage, tmp_path: Path, case: Unreadable, command: str
) -> None:
    (tmp_path / case.name).write_bytes(case.content)
    refused(triage(*COMMANDS[command], case.name), case.part)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("case", [case for case in SHEET if "capitals.nd" not in case.name], ids=lambda case: case.name)
def test_classify_reads_what_the_others_read(triage: Triage, tmp_path: Path, case: Readable) -> None:
    (tmp_path / case.name).write_bytes(case.content)
    ran = triage("classify", "--input", case.name, "--format", "jsonl")
    texts = [answer["text"].strip() for answer in answers(ran) if answer["text"].strip()]
    assert texts == ["hi", "bye"]
    skipped = case.note and "empty rows" not in case.note  # they are answered, as rows without a text
    assert ran.err == (f"{case.name}: {case.note.removesuffix(' skipped')} skipped.\n" if skipped else "")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("arguments", [["--input", "-"], [], ["--input", "in.txt"]])
def test_lines_are_read_in_an_encoding_that_can_be_told(
    triage: Triage, tmp_path: Path, encoding: str, arguments: list[str]
) -> None:
    content = "wo ist es\r\n\r\nschöne Grüße 😀\rja\n".encode(encoding)
    (tmp_path / "in.txt").write_bytes(content)
    ran = triage("classify", *arguments, "--format", "jsonl", stdin=content)
    assert [answer["text"] for answer in answers(ran)] == ["wo ist es", "schöne Grüße 😀", "ja"]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("content", "part"),
    [
        (PLAIN.encode("utf-16-le"), "Standard input is UTF-16 without a byte order mark: convert it to UTF-8 first"),
        (PLAIN.encode("utf-16-be"), "Standard input is UTF-16 without a byte order mark"),
        ("hi\ncafé\n".encode("cp1252"), "Standard input is not UTF-8 (byte 0xE9 in line 2, after “caf”)"),
        (b"hi\nb\0ye\n", "Standard input, line 2: the line has a zero byte"),
        (gzip.compress(b"hi"), "Standard input is compressed with gzip"),
        (b"\x89PNG\r\n\x1a\n\0\0", "Standard input is a PNG image"),
        (b"PK\x03\x04[Content_Types].xml", "Standard input is an Excel workbook"),
        (bytes(range(256)) * 9, "Standard input"),
    ],
)
@pytest.mark.parametrize("output", [[], ["--output", "out.csv"]])
def test_what_is_no_text_is_not_classified(
    triage: Triage, tmp_path: Path, content: bytes, part: str, output: list[str]
) -> None:
    refused(triage("classify", *output, stdin=content), part)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("model")
def test_a_row_without_a_text_is_answered_as_one(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": NaN}\n{"id": 2, "text": null}\n{"id": 3, "text": "a text"}\n')
    triage("classify", "--input", "in.jsonl", "--output", "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["text"], row["reason"]) for row in rows] == [(None, "no_text"), (None, "no_text"), ("a text", None)]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("into", [".jsonl", ".csv", ".parquet"])
def test_numbers_keep_their_digits(triage: Triage, tmp_path: Path, into: str) -> None:
    ids = ["123456789012345678901234567890", "123456789012345678901234567891"]
    (tmp_path / "in.jsonl").write_text("".join(f'{{"id": {one}, "score": 1.10, "text": "a text"}}\n' for one in ids))
    triage("classify", "--input", "in.jsonl", "--output", f"out{into}")
    if into == ".parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "out.parquet").to_pylist()
        assert [(row["id"], row["score"]) for row in rows] == [(one, 1.1) for one in ids]
    else:
        written = (tmp_path / f"out{into}").read_text()
        row = '{{"id":{},"score":1.10,' if into == ".jsonl" else "{},1.10,"
        assert [row.format(one) in written for one in ids] == [True, True]
        assert written.count("1.10") == 2


@pytest.mark.usefixtures("model")
def test_a_lone_surrogate_is_carried_through_as_a_replacement(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "cut \\ud83d", "tags": ["\\uDE00"]}\n')
    assert triage("classify", "--input", "in.jsonl", "--output", "out.jsonl").code == 0
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (row["text"], row["tags"]) == ("cut \ufffd", ["\ufffd"])


@pytest.mark.usefixtures("model")
def test_columns_of_the_same_name_do_no_harm_where_they_are_not_written(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,a,a,,\nhello,1,2,,\n")
    assert [one["text"] for one in answers(triage("classify", "--input", "in.csv", "--format", "jsonl"))] == ["hello"]
    (tmp_path / "in.csv").write_text("text,id,,\nhello,1,,\n")
    assert triage("classify", "--input", "in.csv", "--output", "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text().startswith("text,id,column 3,column 4,intent")


def test_evaluate_reports_what_was_skipped_and_how_labels_were_read(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,label\nwhere is it,wismo\n,\nstop it,Cancel order\n,\n")
    ran = triage("evaluate", "--data", "in.csv", "--output", "report")
    assert "in.csv: 2 empty rows skipped." in ran.out
    assert "The label 'wismo' (1 row) looks like 'WISMO' and is read as that." in ran.out
    assert "does not know" not in ran.out
    assert "2 empty rows skipped." in (tmp_path / "report" / "report.html").read_text()
    notes = json.loads((tmp_path / "report" / "metrics.json").read_text())["notes"]
    assert [note.partition(" ")[0] for note in notes] == ["in.csv:", "The", "The"]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("output", [[], ["--output", "out.csv"]])
def test_classify_points_out_what_is_probably_no_text(triage: Triage, tmp_path: Path, output: list[str]) -> None:
    (tmp_path / "in.csv").write_text("text,id\n" + "2024-01-03,7\n4711,8\n" * 5)
    ran = triage("classify", "--input", "in.csv", *output)
    assert ran.code == 0
    assert (
        ran.err == "in.csv has no text with a letter in it (the first is '2024-01-03'): is 'text' the right column?\n"
    )
    (tmp_path / "in.csv").write_text('text,id\n"where is it,1\nstop it,2\nyes,3\nno,4\nbye",5\n')
    ran = triage("classify", "--input", "in.csv", *output)
    assert ran.err.startswith("in.csv, line 2: a text has several lines that look like rows of their own")
