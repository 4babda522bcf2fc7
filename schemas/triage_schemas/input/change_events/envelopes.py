"""Recognises the envelopes of change logs by their shape: the names and types of the fields around the row.

To add a format, write a function that recognises it, and list it in `ENVELOPES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from triage_schemas.input.change_events import operations
from triage_schemas.input.change_events.envelope_view import EnvelopeView
from triage_schemas.input.change_events.operations import Operation, operation_of

ROW_TYPES = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One format of change events.

    Attributes:
        name: of the format, for people.
        operation: what an event did; None if the object does not have this shape.
        after: the field with the row as it is now; None if the row's columns are fields of the object itself.
        before: the field with earlier values.
        before_has_changes_only: whether ``before`` contains only the columns that an update changed.
        after_has_changes_only: whether ``after`` can lack columns that an update did not change.
        has_tombstones: whether a deletion is followed by a record whose value is null, and ``after`` is a name that
            distinguishes such a topic from others.
    """

    name: str
    operation: Callable[[EnvelopeView], Operation | None]
    after: str | None
    before: str = "before"
    before_has_changes_only: bool = False
    after_has_changes_only: bool = False
    has_tombstones: bool = False


def _debezium(view: EnvelopeView) -> Operation | None:
    operation = operation_of(operations.DEBEZIUM, view.get("op"))
    if operation is None or not (_is_timed(view) or isinstance(view.get("source"), dict)):
        return None
    has_row = view.has("after") or view.has("before")
    return operation if has_row or operation in ("truncate", "control") else None


def _debezium_cloudevent(view: EnvelopeView) -> Operation | None:
    """A CloudEvent of Debezium's converter, whose operation is an attribute of the event."""
    for outer in (view.parent, view.parent.parent):
        if outer.is_string("iodebeziumversion") and outer.is_string("specversion"):
            return operation_of(operations.DEBEZIUM, outer.get("iodebeziumop"))
    return None


def _goldengate(view: EnvelopeView) -> Operation | None:
    operation = operation_of(operations.GOLDENGATE, view.get("op_type"))
    return operation if view.is_string("table") and view.is_string("op_ts") else None


def _cockroachdb(view: EnvelopeView) -> Operation | None:
    if not view.has("after") or not (_is_hybrid_time(view, "updated") or _is_hybrid_time(view, "mvcc_timestamp")):
        return None
    if view.get("after") is None:
        return "delete"
    return "insert" if view.get("before") is None else "update"


def _maxwell(view: EnvelopeView) -> Operation | None:
    operation = operation_of(operations.MAXWELL, view.get("type"))
    if operation is None or not (view.is_string("database") and view.is_number("ts")):
        return None
    is_row = isinstance(view.get("data"), dict) and view.is_string("table")
    return operation if is_row or operation not in ROW_TYPES else None


def _canal(view: EnvelopeView) -> Operation | None:
    is_ddl = view.get("isDdl")
    operation = operation_of(operations.CANAL, view.get("type"))
    if not isinstance(is_ddl, bool) or not (view.is_string("database") and view.is_string("table")):
        return None
    if is_ddl:
        return operation if operation == "truncate" else "schema_change"
    return operation if isinstance(view.get("data"), list) or operation not in ROW_TYPES else None


def _dms(view: EnvelopeView) -> Operation | None:
    record_type, word = view.get("metadata", "record-type"), view.get("metadata", "operation")
    if record_type == "control" and isinstance(word, str):
        return "truncate" if word.startswith("truncate") else "schema_change"
    return operation_of(operations.DMS, word) if record_type == "data" and view.has("data") else None


def _qlik(view: EnvelopeView) -> Operation | None:
    has_shape = view.has("beforeData") and view.has("data") and view.has("headers")
    return operation_of(operations.QLIK, view.get("headers", "operation")) if has_shape else None


def _mongodb(view: EnvelopeView) -> Operation | None:
    has_shape = isinstance(view.get("ns"), dict) or view.has("documentKey") or view.has("clusterTime")
    return operation_of(operations.MONGODB, view.get("operationType")) if has_shape else None


def _dynamodb(view: EnvelopeView) -> Operation | None:
    has_shape = isinstance(view.get("Keys"), dict) or view.is_string("SequenceNumber")
    return operation_of(operations.DYNAMODB, view.parent.get("eventName")) if has_shape else None


def _flattened_debezium(view: EnvelopeView) -> Operation | None:
    """A row that Debezium's ExtractNewRecordState has taken out of its envelope, with ``op`` or the deletion added."""
    deleted = view.get("__deleted")
    if deleted == "true" or deleted is True:
        return "delete"
    return operation_of(operations.DEBEZIUM, view.get("__op"))


def _salesforce(view: EnvelopeView) -> Operation | None:
    word = view.get("ChangeEventHeader", "changeType")
    if not isinstance(word, str) or not view.is_string("ChangeEventHeader", "entityName"):
        return None
    return "control" if word.startswith("GAP_") else operation_of(operations.SALESFORCE, word)


def _is_timed(view: EnvelopeView) -> bool:
    return view.is_number("ts_ms") or view.is_number("ts_us") or view.is_number("ts_ns")


def _is_hybrid_time(view: EnvelopeView, name: str) -> bool:
    """Whether a field is a time of CockroachDB's clock, such as "1532377312562986715.0000000000"."""
    time = view.get(name)
    return isinstance(time, str) and [part.isdecimal() for part in time.split(".")] == [True, True]


ENVELOPES = (
    Envelope("Debezium", _debezium, "after", has_tombstones=True),
    Envelope("Debezium (CloudEvents)", _debezium_cloudevent, "after", has_tombstones=True),
    Envelope("GoldenGate", _goldengate, "after", after_has_changes_only=True, has_tombstones=True),
    Envelope("CockroachDB", _cockroachdb, "after", has_tombstones=True),
    Envelope("Maxwell", _maxwell, "data", "old", before_has_changes_only=True, after_has_changes_only=True),
    Envelope("Canal", _canal, "data", "old", before_has_changes_only=True, after_has_changes_only=True),
    Envelope("AWS DMS", _dms, "data", "before-image", after_has_changes_only=True),
    Envelope("Qlik Replicate", _qlik, "data", "beforeData", after_has_changes_only=True),
    Envelope(
        "MongoDB",
        _mongodb,
        "fullDocument",
        "fullDocumentBeforeChange",
        after_has_changes_only=True,
        has_tombstones=True,
    ),
    Envelope("DynamoDB", _dynamodb, "NewImage", "OldImage", has_tombstones=True),
)
"""The formats in which the row has an object of its own."""

ROW_ENVELOPES = (
    Envelope("Debezium (rows)", _flattened_debezium, None),
    Envelope("GoldenGate", _goldengate, None, after_has_changes_only=True),
    Envelope("Salesforce", _salesforce, None, after_has_changes_only=True),
)
"""The formats in which the columns and the operation are fields of one object."""
