"""Parquet in ``triage classify``: types, nested columns, row groups, nulls, and what is no Parquet."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.worker.cli.result import Triage, answers, refused

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.usefixtures("model")

NAMES = ["intent", "confidence", "accepted", "reason"]
TYPES: dict[str, tuple[Any, list[Any]]] = {
    "strings": (pa.string(), ["a", None, "c"]),
    "large": (pa.large_string(), ["a", None, "c"]),
    "repeated": (pa.dictionary(pa.int32(), pa.string()), ["x", "y", "x"]),
    "small": (pa.int8(), [1, None, -3]),
    "unsigned": (pa.uint64(), [2**64 - 1, 0, None]),
    "half": (pa.float32(), [0.5, None, 1.5]),
    "money": (pa.decimal128(10, 2), [Decimal("1.50"), None, Decimal("-3.00")]),
    "day": (pa.date32(), [date(2026, 1, 1), None, date(1970, 1, 1)]),
    "moment": (pa.timestamp("us", tz="UTC"), [datetime(2026, 1, 1, 12, tzinfo=UTC), None, None]),
    "blob": (pa.binary(), [b"\x00\xff", None, b""]),
    "flag": (pa.bool_(), [True, None, False]),
    "tags": (pa.list_(pa.string()), [["a", None], [], None]),
    "deep": (
        pa.list_(pa.struct([("name", pa.string()), ("sizes", pa.list_(pa.int32()))])),
        [[{"name": "a", "sizes": [1, 2]}], None, []],
    ),
    "pairs": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [], None]),
    "nothing": (pa.null(), [None, None, None]),
}
TEXTS = ["where is my parcel", None, "hm"]


def table(texts: Any = None) -> Any:
    fields = {name: pa.array(values, type=kind) for name, (kind, values) in TYPES.items()}
    return pa.table({"text": pa.array(TEXTS) if texts is None else texts, **fields})


def test_columns_of_every_type_are_carried_through(triage: Triage, tmp_path: Path) -> None:
    given = table().replace_schema_metadata({"team": "support"})
    pq.write_table(given, tmp_path / "in.parquet")
    result = triage("classify", "--input", "in.parquet", "--output", "out.parquet")
    assert result.code == 0, result.err
    expected, found = pq.read_table(tmp_path / "in.parquet"), pq.read_table(tmp_path / "out.parquet")
    assert found.schema.names == [*given.schema.names, *NAMES]
    assert found.select(given.schema.names).equals(expected)
    assert [found.schema.field(name).type for name in given.schema.names] == [field.type for field in expected.schema]
    assert found.schema.metadata[b"team"] == b"support"
    assert [found.schema.field(name).type for name in NAMES] == [pa.string(), pa.float32(), pa.bool_(), pa.string()]
    assert found.select(NAMES).to_pylist() == [
        {"intent": "WISMO", "confidence": 1.0, "accepted": True, "reason": None},
        {"intent": None, "confidence": None, "accepted": False, "reason": "no_text"},
        {"intent": "WISMO", "confidence": pytest.approx(0.2), "accepted": False, "reason": "low_confidence"},
    ]


writes_string_views = pytest.mark.skipif(
    int(pa.__version__.partition(".")[0]) < 24, reason="pyarrow cannot write this type to Parquet"
)


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(TEXTS, pa.large_string()),
        pytest.param(pa.array(TEXTS, pa.string_view()), marks=writes_string_views, id="string_view"),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(TEXTS, pa.large_string()).dictionary_encode(),
        pa.chunked_array([pa.array(TEXTS[:1]), pa.array(TEXTS[1:])]),
    ],
    ids=lambda texts: str(texts.type),
)
def test_texts_of_every_string_type_are_read(triage: Triage, tmp_path: Path, texts: Any) -> None:
    try:
        pq.write_table(table(texts), tmp_path / "in.parquet")
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"this pyarrow does not write it: {error}")
    result = triage("classify", "--input", "in.parquet", "--output", "out.parquet")
    assert result.code == 0, result.err
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["intent"].to_pylist() == ["WISMO", None, "WISMO"]
    assert found["text"].to_pylist() == TEXTS


def test_a_column_of_nulls_alone_has_no_text(triage: Triage, tmp_path: Path) -> None:
    pq.write_table(table(pa.nulls(3)), tmp_path / "in.parquet")
    assert triage("classify", "--input", "in.parquet", "--output", "out.parquet").code == 0
    assert pq.read_table(tmp_path / "out.parquet")["reason"].to_pylist() == ["no_text"] * 3


@pytest.mark.parametrize("into", ["jsonl", "csv"])
def test_types_that_others_lack_become_strings(triage: Triage, tmp_path: Path, into: str) -> None:
    pq.write_table(table(), tmp_path / "in.parquet")
    result = triage("classify", "--input", "in.parquet", "--output", f"out.{into}")
    assert result.code == 0, result.err
    first = (tmp_path / f"out.{into}").read_text("utf-8").splitlines()[into == "csv"]
    if into == "csv":
        assert '"[""a"",null]"' in first
        assert ",2026-01-01," in first
        assert ",1.50," in first
        return
    row = json.loads(first)
    assert (row["money"], row["day"], row["moment"]) == ("1.50", "2026-01-01", "2026-01-01T12:00:00+00:00")
    assert (row["deep"], row["pairs"]) == ([{"name": "a", "sizes": [1, 2]}], [["a", 1]])
    assert row["unsigned"] == 2**64 - 1


@pytest.mark.parametrize("size", [1, 7, 600, 5_000])
def test_row_groups_of_any_size_are_read_in_order_and_written_larger(triage: Triage, tmp_path: Path, size: int) -> None:
    count = 20 if size == 1 else 3_000
    kinds = pa.array([f"kind {number // 700}" for number in range(count)]).dictionary_encode()
    rows = pa.table({"text": [f"message no {number}" for number in range(count)], "n": range(count), "kind": kinds})
    pq.write_table(rows, tmp_path / "in.parquet", row_group_size=size)
    assert triage("classify", "--input", "in.parquet", "--output", "out.parquet").code == 0
    found = pq.ParquetFile(tmp_path / "out.parquet")
    assert found.metadata.num_row_groups == 1
    assert found.read().select(["text", "n", "kind"]).equals(pq.read_table(tmp_path / "in.parquet"))


def test_a_row_group_is_written_when_it_is_large_enough(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.table({"text": [f"message {n}" for n in range(2_000)]}), tmp_path / "in.parquet")
    for limit, value in (("GROUP_ROWS", 1_000), ("GROUP_BYTES", 10_000)):
        monkeypatch.setattr(f"triage_worker.cli.parquet.{limit}", value)
        assert triage("classify", "--input", "in.parquet", "--output", "out.parquet").code == 0
        assert pq.ParquetFile(tmp_path / "out.parquet").metadata.num_row_groups >= 2


def test_dictionaries_that_differ_between_batches_are_written(triage: Triage, tmp_path: Path) -> None:
    parts = [
        pa.table({"text": [f"text {n}"] * 900, "kind": pa.array([f"k{n}"] * 900).dictionary_encode()}) for n in range(3)
    ]
    with pq.ParquetWriter(tmp_path / "in.parquet", parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    result = triage("classify", "--input", "in.parquet", "--output", "out.parquet")
    assert result.code == 0, result.err
    assert pq.read_table(tmp_path / "out.parquet")["kind"].to_pylist() == [
        f"k{n}" for n in range(3) for _ in range(900)
    ]


def test_the_standard_output_has_nulls_too(triage: Triage, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "in.parquet")
    first, second, _ = answers(triage("classify", "--input", "in.parquet", "--format", "jsonl"))
    assert (first["text"], first["intent"]) == ("where is my parcel", "WISMO")
    assert second == {
        "text": None,
        "intent": None,
        "confidence": None,
        "accepted": False,
        "reason": "no_text",
        "language": None,
        "scores": {},
        "truncated": False,
        "suggested": False,
        "intents": [],
    }
    lines = triage("classify", "--input", "in.parquet").out.splitlines()
    assert lines[2].split() == ["no", "text"]


def test_json_lines_get_types_that_fit(triage: Triage, tmp_path: Path) -> None:
    rows = [
        '{"text": "hello", "n": 1, "x": null, "tags": ["a"]}',
        '{"text": null, "n": 2.5, "x": null, "more": {"a": 1}}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(rows))
    assert triage("classify", "--input", "in.jsonl", "--output", "out.parquet").code == 0
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert [str(schema.field(name).type) for name in ("text", "n", "x", "tags")] == [
        "string", "double", "string", "list<element: string>",
    ]  # fmt: skip
    assert pq.read_table(tmp_path / "out.parquet")["more"].to_pylist() == [None, {"a": 1}]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["none.parquet"], "There is no file none.parquet"),
        (["bad.parquet"], "bad.parquet cannot be read as Parquet: "),
        (["cut.parquet"], "cut.parquet cannot be read as Parquet: "),
        (["in.parquet", "--text-column", "body"], "in.parquet has no column 'body' (its columns: text, strings, large"),
        (["in.parquet", "--text-column", "small"], "column 'small' of int8, which is not text (its columns: text"),
        (["in.parquet", "--text-column", "blob"], "column 'blob' of binary, which is not text"),
        (["in.parquet", "--text-column", "tags"], "which is not text"),
        (["twice.parquet"], "twice.parquet has several columns 'text'"),
    ],
)
@pytest.mark.parametrize("output", [[], ["--output", "out.parquet"]])
def test_what_cannot_be_read_is_one_sentence(
    triage: Triage, tmp_path: Path, arguments: list[str], part: str, output: list[str]
) -> None:
    pq.write_table(table(), tmp_path / "in.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "in.parquet").read_bytes()[:-100])
    pq.write_table(pa.table([["a"], ["b"]], ["text", "text"]), tmp_path / "twice.parquet")
    refused(triage("classify", "--input", *arguments, *output), part)
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_damaged_in_the_middle_is_named_and_nothing_is_written(triage: Triage, tmp_path: Path) -> None:
    texts = [f"message no {number} " + "x" * (number % 50) for number in range(5_000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet", row_group_size=1_000, use_dictionary=False)
    content = bytearray((tmp_path / "in.parquet").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = b"\xff" * 2_000
    (tmp_path / "in.parquet").write_bytes(content)
    refused(triage("classify", "--input", "in.parquet", "--output", "out.parquet"), "in.parquet is damaged: ")
    assert [file.name for file in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("arguments", [["--input", "in.parquet"], ["hello", "--output", "out.parquet"]])
def test_without_pyarrow_the_error_says_what_to_install(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    pq.write_table(table(), tmp_path / "in.parquet")
    monkeypatch.setattr("triage_worker.cli.row_batches.find_spec", lambda name: None)
    refused(
        triage("classify", *arguments), "Parquet files need pyarrow, which is not installed: run `pip install pyarrow`"
    )


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        (["123456789012345678901234567890", "123456789012345678901234567891", "5"], None),
        (["12345678901234567890.10", "0.5", "7"], None),
        (["1E400", "-1e400", "2.0"], None),
        (["[123456789012345678901234567890]", "[]", "[]"], [["123456789012345678901234567890"], [], []]),
        (["0.1234567890123456789", "1e23", "3"], [0.1234567890123456789, 1e23, 3.0]),
        (["9007199254740993", "18446744073709551615", "1"], None),
    ],
)
def test_no_number_of_json_lines_loses_whole_digits(
    triage: Triage, tmp_path: Path, numbers: list[str], written: list[object] | None
) -> None:
    """Two ids that differ in the last digit stay two; a column with such a number is text."""
    rows = [f'{{"text": "where", "n": {number}}}\n' for number in numbers]
    (tmp_path / "in.jsonl").write_text("".join(rows))
    result = triage("classify", "--input", "in.jsonl", "--output", "out.parquet")
    assert result.code == 0, result.err
    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == (written or numbers)
