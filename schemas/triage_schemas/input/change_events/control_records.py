"""Recognises the records that connectors write about themselves: heartbeats, schema changes, transactions."""

import struct
from typing import Any

from triage_schemas.json_values.paths import json_type
from triage_schemas.messages.message import SkipReason

CLOCKS = {"ts_ms", "ts_us", "ts_ns"}
NOTIFICATION = {"aggregate_type", "type", "additional_data"}
MIRROR_MAKER_HEARTBEAT = {"sourceClusterAlias", "targetClusterAlias", "timestamp"}
MIRROR_MAKER_STRUCT = struct.Struct(">hq")
FIRST_MS, LAST_MS = 1_000_000_000_000, 9_999_999_999_999
"""The years 2001 to 2286, in milliseconds since the epoch."""


def control_record(document: dict[str, Any]) -> SkipReason | None:
    """Why a JSON object without a text is a connector's own record; None if it is not one.

    Args:
        document: the parsed value, with or without the connector's ``{"schema": …, "payload": …}``.
    """
    payload = document.get("payload")
    fields = payload if isinstance(payload, dict) and document.keys() <= {"schema", "payload"} else document
    if _is_heartbeat(fields):
        return "heartbeat"
    if "ddl" in fields and isinstance(fields.get("source"), dict) and _names_tables(fields):
        return "schema_change"
    if fields.get("status") in ("BEGIN", "END") and isinstance(fields.get("id"), str) and _counts_events(fields):
        return "transaction"
    return "control" if fields.keys() >= NOTIFICATION and isinstance(fields.get("id"), str) else None


def is_mirror_maker_heartbeat(value: bytes) -> bool:
    """Whether a value is the binary heartbeat of MirrorMaker: version 0, then a time in milliseconds."""
    if len(value) != MIRROR_MAKER_STRUCT.size:
        return False
    version: int
    at: int
    version, at = MIRROR_MAKER_STRUCT.unpack(value)
    return version == 0 and FIRST_MS <= at <= LAST_MS


def _is_heartbeat(fields: dict[str, Any]) -> bool:
    if fields.keys() <= CLOCKS:
        return "ts_ms" in fields and all(json_type(at) == "number" for at in fields.values())
    if fields.keys() == {"resolved"}:  # CockroachDB
        return isinstance(fields["resolved"], str)
    return fields.keys() == MIRROR_MAKER_HEARTBEAT


def _names_tables(fields: dict[str, Any]) -> bool:
    """Whether a schema change says what it concerns; Debezium before version 1.3 wrote no ``tableChanges``."""
    return isinstance(fields.get("tableChanges"), list) or isinstance(fields.get("databaseName"), str)


def _counts_events(fields: dict[str, Any]) -> bool:
    return "event_count" in fields or "data_collections" in fields or json_type(fields.get("ts_ms")) == "number"
