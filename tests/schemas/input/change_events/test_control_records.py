"""Records that are no message: heartbeats, schema changes, transactions, truncations and tombstones."""

import struct
from typing import Any

import orjson
import pytest
from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import InputShape

from tests.schemas.input.change_events.decoding import ROW, decode_event, outcome
from tests.schemas.input.change_events.formats import AT_MS, canal, debezium, dms, maxwell, mongodb, with_schema
from tests.schemas.input.examples import JSON, SOURCE

DEBEZIUM = InputShape(text_path=("payload", "after", "text"))
BEGIN = {"status": "BEGIN", "id": "571:53195829", "ts_ms": AT_MS, "event_count": None, "data_collections": None}
END = {**BEGIN, "status": "END", "event_count": 2, "data_collections": [{"data_collection": "t", "event_count": 2}]}
SCHEMA_CHANGE = {
    "source": {"connector": "mysql", "db": "shop"},
    "ts_ms": AT_MS,
    "databaseName": "shop",
    "ddl": "ALTER TABLE messages ADD COLUMN rating INT",
    "tableChanges": [{"type": "ALTER", "id": '"shop"."messages"'}],
}
NOTIFICATION = {"id": "5563ae14", "aggregate_type": "Initial Snapshot", "type": "STARTED", "additional_data": {}}
MIRROR_MAKER = {"sourceClusterAlias": "east", "targetClusterAlias": "west", "timestamp": AT_MS}


@pytest.mark.parametrize("shape", [JSON, DEBEZIUM, InputShape(text_path=("data", "text"))])
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"ts_ms": AT_MS}, "heartbeat"),
        ({"ts_ms": AT_MS, "ts_us": AT_MS * 1_000, "ts_ns": AT_MS * 1_000_000}, "heartbeat"),
        ({"resolved": "1532379923319195777.0000000000"}, "heartbeat"),
        (MIRROR_MAKER, "heartbeat"),
        (SCHEMA_CHANGE, "schema_change"),
        (
            {name: value for name, value in SCHEMA_CHANGE.items() if name not in ("ts_ms", "tableChanges")},
            "schema_change",
        ),
        (BEGIN, "transaction"),
        (END, "transaction"),
        ({"status": "BEGIN", "id": "571", "ts_ms": AT_MS}, "transaction"),
        (NOTIFICATION, "control"),
    ],
)
def test_a_connectors_own_record_is_skipped(shape: InputShape, record: dict[str, Any], reason: str) -> None:
    for value in (record, {"payload": record}, with_schema(record)):
        assert outcome(decode(orjson.dumps(value), SOURCE, shape)) == f"skipped: {reason}"


def test_the_binary_heartbeat_of_mirror_maker_is_skipped() -> None:
    assert outcome(decode(struct.pack(">hq", 0, AT_MS), SOURCE, JSON)) == "skipped: heartbeat"
    for other in (struct.pack(">hq", 1, AT_MS), struct.pack(">hq", 0, 7), struct.pack(">hqb", 0, AT_MS, 1)):
        assert outcome(decode(other, SOURCE, JSON)).startswith("dead letter: ")


@pytest.mark.parametrize(
    ("row", "event", "reason"),
    [
        ("payload.after", with_schema({**debezium(None, ROW), "after": None, "op": "t"}), "truncate"),
        ("after", {"op": "m", "ts_ms": AT_MS, "source": {}, "message": {"prefix": "p", "content": "eA=="}}, "control"),
        ("after", {"table": "T", "op_type": "T", "op_ts": "2025-11-24 10:00:00"}, "truncate"),
        ("data", {**maxwell(None, ROW), "type": "bootstrap-start", "data": {}}, "control"),
        ("data", {**maxwell(None, ROW), "type": "bootstrap-complete", "data": {}}, "control"),
        (
            "data",
            {"type": "table-alter", "database": "shop", "table": "t", "def": {}, "ts": 1, "sql": "ALTER"},
            "schema",
        ),
        ("data", {"type": "database-create", "database": "shop", "ts": 1, "sql": "CREATE"}, "schema"),
        ("data", {"type": "heartbeat", "database": "maxwell", "table": "heartbeats", "ts": 1, "data": {}}, "heartbeat"),
        ("data.0", {**canal(None, ROW), "type": "ALTER", "isDdl": True, "data": None}, "schema"),
        ("data.0", {**canal(None, ROW), "type": "QUERY", "isDdl": True, "data": None}, "schema"),
        ("data.0", {**canal(None, ROW), "type": "QUERY", "data": None}, "control"),
        ("data.0", {**canal(None, ROW), "type": "TRUNCATE", "isDdl": True, "data": None}, "truncate"),
        ("data.0", {**canal(None, ROW), "type": "TIDB_WATERMARK", "data": None, "table": ""}, "heartbeat"),
        ("data", {"metadata": {"record-type": "control", "operation": "create-table"}}, "schema"),
        ("data", {"metadata": {"record-type": "control", "operation": "truncate-table"}}, "truncate"),
        ("fullDocument", {**mongodb(None, None), "operationType": "drop"}, "schema"),
        ("fullDocument", {"_id": {}, "operationType": "invalidate", "clusterTime": {}}, "schema"),
    ],
)
def test_what_happened_to_a_table_is_skipped(row: str, event: dict[str, Any], reason: str) -> None:
    expected = f"skipped: {'schema_change' if reason == 'schema' else reason}"
    assert outcome(decode_event(event, row)) == expected
    assert outcome(decode_event(event, row, skip_unchanged=False)) == expected


@pytest.mark.parametrize("event", [{**maxwell(None, ROW), "type": "bootstrap-insert"}, dms(None, ROW)])
def test_a_row_of_the_first_load_is_a_message(event: dict[str, Any]) -> None:
    if "metadata" in event:
        event["metadata"]["operation"] = "load"
    assert outcome(decode_event(event, "data")) == ROW["text"]


def test_a_row_of_a_snapshot_is_a_message() -> None:
    assert outcome(decode_event({**debezium(None, ROW), "op": "r"}, "after")) == ROW["text"]


@pytest.mark.parametrize("path", ["after.text", "payload.after.text", "fullDocument.text", "dynamodb.NewImage.text.S"])
@pytest.mark.parametrize("value", [None, b"null", b'{"schema": null, "payload": null}', b'{"payload": null}'])
def test_the_tombstone_after_a_deletion_is_skipped(path: str, value: bytes | None) -> None:
    assert outcome(decode(value, SOURCE, InputShape(text_path=tuple(path.split("."))))) == "skipped: tombstone"
