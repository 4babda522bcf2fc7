"""``triage classify --output``: every pair of formats, columns carried through, and files that cannot be written."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.worker.cli.result import CommandResult, Triage, refused

pytestmark = pytest.mark.usefixtures("model")

NAMES = ["intent", "confidence", "accepted", "reason"]
ANSWERS: list[dict[str, Any]] = [
    {"intent": "WISMO", "confidence": 1.0, "accepted": True, "reason": None},
    {"intent": "WISMO", "confidence": 0.5, "accepted": False, "reason": "low_confidence"},
    {"intent": None, "confidence": None, "accepted": False, "reason": "no_text"},
]
TEXTS = ["where is my parcel", "hello", ""]


def written(result: CommandResult, file: Path) -> list[dict[str, Any]]:
    """The rows of a file that a command has written."""
    assert result.code == 0, result.err
    if file.suffix == ".parquet":
        rows: list[dict[str, Any]] = pytest.importorskip("pyarrow.parquet").read_table(file).to_pylist()
        return rows
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t" if file.suffix == ".tsv" else ","))


def as_csv(row: dict[str, Any]) -> dict[str, str]:
    """A row as the cells of a CSV."""
    words = {None: "", True: "true", False: "false"}
    return {name: words[cell] if cell is None or isinstance(cell, bool) else str(cell) for name, cell in row.items()}


def write_input(folder: Path, suffix: str) -> str:
    rows = [{"id": str(number), "text": text, "ü": "x, y"} for number, text in enumerate(TEXTS)]
    name = f"in{suffix}"
    if suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), folder / name)
    elif suffix == ".jsonl":
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return name


@pytest.mark.parametrize("into", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out_of", [".csv", ".jsonl", ".parquet"])
def test_every_format_becomes_every_format(triage: Triage, tmp_path: Path, out_of: str, into: str) -> None:
    result = triage("classify", "--input", write_input(tmp_path, out_of), "--output", f"out{into}")
    rows = written(result, tmp_path / f"out{into}")
    expected = [
        {"id": str(number), "text": text, "ü": "x, y", **answer}
        for number, (text, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]
    assert rows == [as_csv(row) if into in {".csv", ".tsv"} else row for row in expected]
    assert list(rows[0]) == ["id", "text", "ü", *NAMES]
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_one_row_is_not_called_rows(triage: Triage) -> None:
    result = triage("classify", "where is it", "--output", "out.csv")
    assert result.out.startswith("1 row in ")


def test_the_command_says_what_it_has_written(triage: Triage, tmp_path: Path) -> None:
    result = triage("classify", "--input", write_input(tmp_path, ".csv"), "--output", "out.csv")
    assert result.out.startswith("3 rows in 0.")
    assert result.out.endswith("rows/s): 1 accepted, 1 not accepted, 1 without text. They are in out.csv.\n")
    assert result.err == ""


@pytest.mark.parametrize("into", [".csv", ".jsonl", ".parquet"])
def test_scores_and_a_prefix_are_added_where_they_are_wanted(triage: Triage, tmp_path: Path, into: str) -> None:
    source = write_input(tmp_path, ".jsonl")
    result = triage("classify", "--input", source, "--output", f"out{into}", "--scores", "--prefix", "m_")
    first, _, third = written(result, tmp_path / f"out{into}")
    names = [name for name in first if name.startswith("m_")]
    if into == ".jsonl":
        assert names == [f"m_{name}" for name in (*NAMES, "scores")]
        assert (first["m_scores"], third["m_scores"]) == ({"WISMO": 1.0, "OTHER": 0.0}, None)
    else:
        assert names == [f"m_{name}" for name in (*NAMES, "score_WISMO", "score_OTHER")]
        assert (float(first["m_score_WISMO"]), float(first["m_score_OTHER"])) == (1.0, 0.0)
        assert third["m_score_WISMO"] in {None, ""}


@pytest.mark.parametrize("into", [".csv", ".jsonl", ".parquet"])
def test_many_rows_stay_in_order(triage: Triage, tmp_path: Path, into: str) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'{{"text": "message no {n}", "n": {n}}}\n' for n in range(3_000)))
    rows = written(triage("classify", "--input", "in.jsonl", "--output", f"out{into}"), tmp_path / f"out{into}")
    assert [int(row["n"]) for row in rows] == list(range(3_000))
    assert [row["text"] for row in rows] == [f"message no {n}" for n in range(3_000)]


def test_rows_of_json_lines_without_a_text_are_carried_through(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"id": 1}\n{"text": null}\n{"text": 5}\n{"text": ["a"]}\n{"text": "a long text"}\n'
    )
    rows = written(triage("classify", "--input", "in.jsonl", "--output", "out.jsonl"), tmp_path / "out.jsonl")
    assert [row["reason"] for row in rows] == ["no_text"] * 4 + [None]
    assert [row.get("text") for row in rows] == [None, None, 5, ["a"], "a long text"]
    assert "text" not in rows[0]


def test_values_of_json_lines_stay_what_they_are(triage: Triage, tmp_path: Path) -> None:
    row = {
        "text": "hello",
        "deep": {"a": [1, 2.5, None, True, {"b": "ü"}]},
        "big": 2**60,
        "float": 0.1,
        "": "empty name",
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = written(triage("classify", "--input", "in.jsonl", "--output", "out.jsonl"), tmp_path / "out.jsonl")
    assert {name: found[name] for name in row} == row
    (found,) = written(triage("classify", "--input", "in.jsonl", "--output", "out.csv"), tmp_path / "out.csv")
    assert json.loads(found["deep"]) == row["deep"]
    assert (found["big"], found["float"], found[""]) == (str(2**60), "0.1", "empty name")


def test_rows_without_any_field_keep_their_place(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("{}\n" * 600 + '{"text": "a long text"}\n')
    refused(triage("classify", "--input", "in.jsonl", "--output", "out.csv"), "no field 'text' in its first 512 lines")
    (tmp_path / "in.jsonl").write_text('{}\n{"text": "a long text"}\n' + "{}\n" * 600)
    rows = written(triage("classify", "--input", "in.jsonl", "--output", "out.csv"), tmp_path / "out.csv")
    assert [row["intent"] for row in rows] == ["", "WISMO"] + [""] * 600


def test_a_csv_keeps_its_header_as_it_is(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(
        '\ufeffMessage_ID;Text;Note, long\n1;"a; long text";"x ""y"""\n2;;\n', encoding="utf-8"
    )
    result = triage("classify", "--input", "in.csv", "--output", "out.csv")
    first, second = written(result, tmp_path / "out.csv")
    assert list(first) == ["Message_ID", "Text", "Note, long", *NAMES]
    assert (first["Text"], first["Note, long"], first["intent"]) == ("a; long text", 'x "y"', "WISMO")
    assert (second["Text"], second["reason"]) == ("", "no_text")


@pytest.mark.parametrize("into", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.txt", "in.parquet", "-"])
def test_an_input_without_rows_gives_a_file_without_rows(
    triage: Triage, tmp_path: Path, source: str, into: str
) -> None:
    pa = pytest.importorskip("pyarrow")
    (tmp_path / "in.csv").write_text("text,id\n")
    (tmp_path / "in.jsonl").write_text("")
    (tmp_path / "in.txt").write_text("\n")
    schema = pa.schema([("text", pa.string()), ("tags", pa.list_(pa.dictionary(pa.int8(), pa.string())))])
    pytest.importorskip("pyarrow.parquet").write_table(schema.empty_table(), tmp_path / "in.parquet")
    result = triage("classify", "--input", source, "--output", f"out{into}")
    assert written(result, tmp_path / f"out{into}") == []
    if into == ".csv":
        header = (tmp_path / "out.csv").read_text().strip().split(",")
        assert header[-4:] == NAMES
        assert source == "in.jsonl" or header[0] == "text"
    assert result.out.startswith("0 rows in ")


def test_arguments_and_lines_become_rows(triage: Triage, tmp_path: Path) -> None:
    result = triage("classify", "a long text", "hm", "--output", "out.jsonl")
    assert [row["text"] for row in written(result, tmp_path / "out.jsonl")] == ["a long text", "hm"]
    result = triage("classify", "--output", "out.csv", "--text-column", "body", stdin=b"one line\n\nanother\n")
    assert [row["body"] for row in written(result, tmp_path / "out.csv")] == ["one line", "another"]


def test_a_file_that_was_there_is_replaced(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "out.csv").write_text("old")
    (tmp_path / "out.csv").symlink_to(tmp_path / "elsewhere" / "out.csv")
    result = triage("classify", "a long text", "--output", "out.csv")
    assert written(result, tmp_path / "elsewhere" / "out.csv")[0]["intent"] == "WISMO"
    assert (tmp_path / "out.csv").is_symlink()


IN_FILES = {
    "in.csv": "text,id\nhello,1\n",
    "twice.csv": "text,a,a\nhello,1,2\n",
    "taken.csv": "text,intent,reason\nhello,a,b\n",
    "taken.jsonl": '{"text": "hello"}\n{"text": "hello", "scores": 1, "accepted": 2}\n',
    "other.jsonl": '{"id": 1, "body": "hello"}\n{"tag": 1}\n',
    "list.jsonl": '["hello"]\n',
    "late.jsonl": '{"text": "hello", "n": 1}\n' * 600 + '{"text": "hello", "new": 1}\n',
    "mixed.jsonl": '{"text": "hello", "n": 1}\n' * 600 + '{"text": "hello", "n": "one"}\n',
    "both.jsonl": '{"text": "hello", "n": 1}\n{"text": "hello", "n": "one"}\n',
    "broken.jsonl": '{"text": "hello"}\n' * 600 + "{",
}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["in.csv", "--output", "out.xlsx"], "--output out.xlsx ends in none of .csv, .tsv, .jsonl, .ndjson, .parquet"),
        (["in.csv", "--output", "out"], "ends in none of"),
        (["in.csv", "--output", "folder.csv"], "--output folder.csv is a folder"),
        (["in.csv", "--output", "none/out.csv"], "in a folder that does not exist: create none first"),
        (["in.csv", "--output", "in.csv"], "--output in.csv is the input itself"),
        (["in.csv", "--output", "./folder.csv/../in.csv"], "is the input itself"),
        (["in.csv", "--text-column", "body", "--output", "out.csv"], "no column 'body' (its columns: text, id)"),
        (["in.csv", "hello", "--output", "out.csv"], "give one of them"),
        (["in.csv", "--scores"], "--scores and --prefix are about the file that --output names"),
        (["in.csv", "--prefix", "x"], "give --output, too"),
        (["twice.csv", "--output", "out.csv"], "twice.csv has several columns 'a'"),
        (["taken.csv", "--output", "out.csv"], "has 'intent', 'reason' already: drop what is there, or give --prefix"),
        (["taken.csv", "--output", "out.parquet"], "has 'intent', 'reason' already"),
        (["taken.jsonl", "--output", "out.jsonl"], "has 'accepted' already"),
        (["taken.jsonl", "--output", "out.jsonl", "--scores"], "has 'accepted', 'scores' already"),
        (
            ["other.jsonl", "--output", "out.jsonl"],
            "no field 'text' in its first 2 lines (their fields: id, body, tag)",
        ),
        (["other.jsonl"], "no field 'text' at line 1 (its fields: id, body): choose one with --text-column"),
        (["list.jsonl", "--output", "out.jsonl"], "list.jsonl, line 1: not a JSON object but an array"),
        (["late.jsonl", "--output", "out.csv"], "has a field 'new', which none of the first rows has"),
        (
            ["late.jsonl", "--output", "out.parquet"],
            "so the output has no column for it (its columns: text, n): write JSON lines",
        ),
        (["mixed.jsonl", "--output", "out.parquet"], "These rows do not fit into Parquet ("),
        (["both.jsonl", "--output", "out.parquet"], "These rows do not fit into Parquet ("),
        (["broken.jsonl", "--output", "out.jsonl"], "broken.jsonl, line 601: not JSON ("),
        (["nowhere.jsonl", "--output", "out.jsonl"], "There is no file nowhere.jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    triage: Triage, tmp_path: Path, arguments: list[str], part: str
) -> None:
    for name, content in IN_FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "folder.csv").mkdir()
    before = sorted(file.name for file in tmp_path.iterdir())
    refused(triage("classify", "--input", *arguments), part)
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    assert (tmp_path / "in.csv").read_text() == IN_FILES["in.csv"]


def test_a_failure_leaves_the_file_that_was_there(triage: Triage, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(IN_FILES["broken.jsonl"])
    (tmp_path / "out.jsonl").write_text("old")
    refused(triage("classify", "--input", "in.jsonl", "--output", "out.jsonl"), "in.jsonl, line 601: not JSON (")
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_a_full_disk_is_one_sentence(triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("triage_worker.cli.output_rows.JsonLinesWriter.write", full)
    result = triage("classify", "hello", "--output", "out.jsonl")
    refused(result, "out.jsonl cannot be written: no space left on device. It was not written.")
    assert list(tmp_path.iterdir()) == []
