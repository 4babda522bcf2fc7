"""Change events as each connector writes them, for the tests that every format has to pass."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

Row = dict[str, Any]
Change = Callable[[Row | None, Row | None], Any]
"""Makes an event from the row before and after: an insert if there is none before, a delete if there is none after."""

AT_MS = 1_700_000_000_123


class Format(NamedTuple):
    """One format of change events.

    Attributes:
        row: the path to the row.
        change: makes the event of an insert, an update or a delete.
    """

    row: str
    change: Change


def word(before: Row | None, after: Row | None, insert: str, update: str, delete: str) -> str:
    """The format's word for what happened to a row."""
    if after is None:
        return delete
    return insert if before is None else update


def changed(before: Row, after: Row) -> Row:
    """The old values of the columns that changed."""
    return {name: value for name, value in before.items() if after.get(name) != value}


def debezium(before: Row | None, after: Row | None) -> Any:
    """Debezium, without schemas."""
    source = {"version": "2.5.0.Final", "connector": "postgresql", "name": "shop", "table": "messages"}
    operation = word(before, after, "c", "u", "d")
    return {"before": before, "after": after, "source": source, "op": operation, "ts_ms": AT_MS, "transaction": None}


def with_schema(payload: Any) -> Any:
    """What Kafka Connect's JSON converter adds."""
    return {"schema": {"type": "struct", "fields": [], "name": "shop.messages.Envelope"}, "payload": payload}


def cloudevent(before: Row | None, after: Row | None) -> Any:
    """Debezium's CloudEvents converter: the operation is an attribute."""
    attributes = {
        "id": "name:shop;lsn:29274832;txId:565",
        "source": "/debezium/postgresql/shop",
        "specversion": "1.0",
        "type": "io.debezium.connector.postgresql.DataChangeEvent",
        "iodebeziumversion": "2.5.0.Final",
        "iodebeziumop": word(before, after, "c", "u", "d"),
    }
    return {**attributes, "data": {"before": before, "after": after}}


def flattened_envelope(before: Row | None, after: Row | None) -> Any:
    """Debezium's envelope after Kafka Connect's Flatten."""
    sides = {"before": before, "after": after}
    fields = {f"{side}.{name}": value for side, row in sides.items() for name, value in (row or {}).items()}
    return {**fields, "source.table": "messages", "op": word(before, after, "c", "u", "d"), "ts_ms": AT_MS}


def debezium_mongodb(before: Row | None, after: Row | None) -> Any:
    """Debezium for MongoDB: the documents are strings."""
    event = debezium(before, after)
    for side in ("before", "after"):
        if event[side] is not None:
            event[side] = orjson.dumps(event[side]).decode()
    return event


def goldengate(before: Row | None, after: Row | None) -> Any:
    """Oracle GoldenGate, which leaves out a side that does not exist."""
    head = {
        "table": "SHOP.MESSAGES",
        "op_type": word(before, after, "I", "U", "D"),
        "op_ts": "2025-11-24 10:00:00.000000",
        "current_ts": "2025-11-24T10:00:01.000000",
        "pos": "00000000000000006557",
    }
    return {**head, **({} if before is None else {"before": before}), **({} if after is None else {"after": after})}


def cockroachdb(before: Row | None, after: Row | None) -> Any:
    """A changefeed of CockroachDB with the options ``updated`` and ``diff``."""
    return {"after": after, "before": before, "updated": "1532377312562986715.0000000000"}


def maxwell(before: Row | None, after: Row | None) -> Any:
    """Maxwell: ``old`` has the changed columns only."""
    head = {"database": "shop", "table": "messages", "ts": 1_449_786_310, "xid": 940_752, "commit": True}
    event = {**head, "type": word(before, after, "insert", "update", "delete"), "data": after or before}
    return {**event, "old": changed(before, after)} if before and after else event


def canal(before: Row | None, after: Row | None) -> Any:
    """Canal: lists of rows; ``old`` has the changed columns only."""
    return {
        "data": [after or before],
        "database": "shop",
        "es": 1_589_373_560_000,
        "id": 9,
        "isDdl": False,
        "mysqlType": {"id": "int(11)", "text": "text"},
        "old": [changed(before, after)] if before and after else None,
        "pkNames": ["id"],
        "sql": "",
        "sqlType": {"id": 4, "text": 2005},
        "table": "messages",
        "ts": 1_589_373_560_798,
        "type": word(before, after, "INSERT", "UPDATE", "DELETE"),
    }


def dms(before: Row | None, after: Row | None) -> Any:
    """AWS DMS with before images."""
    metadata = {
        "timestamp": "2025-11-24T10:00:00.000000Z",
        "record-type": "data",
        "operation": word(before, after, "insert", "update", "delete"),
        "partition-key-type": "primary-key",
        "schema-name": "shop",
        "table-name": "messages",
    }
    event = {"data": after or before, "metadata": metadata}
    return {**event, "before-image": before} if before and after else event


def qlik(before: Row | None, after: Row | None) -> Any:
    """Qlik Replicate."""
    headers = {"operation": word(before, after, "INSERT", "UPDATE", "DELETE"), "changeSequence": "20251124100000"}
    message = {"data": after or before, "beforeData": before if after else None, "headers": headers}
    return {"magic": "atMSG", "type": "DT", "headers": None, "message": message}


def mongodb(before: Row | None, after: Row | None) -> Any:
    """A change stream of MongoDB, with the full document."""
    event = {
        "_id": {"_data": "8263"},
        "operationType": word(before, after, "insert", "update", "delete"),
        "clusterTime": {"$timestamp": {"t": 1_700_000_000, "i": 1}},
        "ns": {"db": "shop", "coll": "messages"},
        "documentKey": {"_id": {"$oid": "655f0c9e2f8fb814c8a1b2c3"}},
        "fullDocument": after,
    }
    if before is None or after is None:
        return event
    updated = {name: value for name, value in after.items() if before.get(name) != value}
    removed = [name for name in before if name not in after]
    description = {"updatedFields": updated, "removedFields": removed, "truncatedArrays": []}
    return {**event, "updateDescription": description}


def mongodb_with_before(before: Row | None, after: Row | None) -> Any:
    """A change stream that has the document before the change, and no list of what changed, as for ``replace``."""
    event = mongodb(before, after)
    event.pop("updateDescription", None)
    if event["operationType"] == "update":
        event["operationType"] = "replace"
    return {**event, "fullDocumentBeforeChange": before}


def dynamodb(before: Row | None, after: Row | None) -> Any:
    """A stream of DynamoDB with both images."""
    images = {"NewImage": after, "OldImage": before}
    stream = {"Keys": {"id": {"N": "7"}}, **{name: row for name, row in images.items() if row is not None}}
    return {"eventName": word(before, after, "INSERT", "MODIFY", "REMOVE"), "dynamodb": stream}


FORMATS: Mapping[str, Format] = {
    "debezium": Format("after", debezium),
    "debezium_with_schema": Format("payload.after", lambda before, after: with_schema(debezium(before, after))),
    "debezium_cloudevent": Format("data.after", cloudevent),
    "debezium_flattened_envelope": Format("after", flattened_envelope),
    "debezium_mongodb": Format("payload.after", lambda before, after: with_schema(debezium_mongodb(before, after))),
    "goldengate": Format("after", goldengate),
    "cockroachdb": Format("after", cockroachdb),
    "maxwell": Format("data", maxwell),
    "canal": Format("data.0", canal),
    "dms": Format("data", dms),
    "qlik": Format("message.data", qlik),
    "mongodb": Format("fullDocument", mongodb),
    "mongodb_with_before": Format("fullDocument", mongodb_with_before),
    "dynamodb": Format("dynamodb.NewImage", dynamodb),
}
