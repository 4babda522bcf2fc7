"""What a change event did, by the words of each format."""

from collections.abc import Mapping
from typing import Any, Literal

Operation = Literal["insert", "update", "delete", "truncate", "schema_change", "heartbeat", "control"]
"""What a change event says. All but insert and update are reasons to skip it."""

Words = Mapping[str, Operation]

DEBEZIUM: Words = {
    "c": "insert",
    "r": "insert",
    "u": "update",
    "d": "delete",
    "t": "truncate",
    "m": "control",
}
GOLDENGATE: Words = {"I": "insert", "U": "update", "K": "update", "D": "delete", "T": "truncate"}
MAXWELL: Words = {
    "insert": "insert",
    "update": "update",
    "delete": "delete",
    "bootstrap-insert": "insert",
    "bootstrap-start": "control",
    "bootstrap-complete": "control",
    "heartbeat": "heartbeat",
    "table-create": "schema_change",
    "table-alter": "schema_change",
    "table-drop": "schema_change",
    "table-truncate": "truncate",
    "database-create": "schema_change",
    "database-alter": "schema_change",
    "database-drop": "schema_change",
}
CANAL: Words = {
    "INSERT": "insert",
    "UPDATE": "update",
    "DELETE": "delete",
    "TRUNCATE": "truncate",
    "CREATE": "schema_change",
    "ALTER": "schema_change",
    "ERASE": "schema_change",
    "RENAME": "schema_change",
    "CINDEX": "schema_change",
    "DINDEX": "schema_change",
    "QUERY": "control",
    "TIDB_WATERMARK": "heartbeat",
}
DMS: Words = {"load": "insert", "insert": "insert", "update": "update", "delete": "delete"}
QLIK: Words = {"REFRESH": "insert", "INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}
DYNAMODB: Words = {"INSERT": "insert", "MODIFY": "update", "REMOVE": "delete"}
MONGODB: Words = {
    "insert": "insert",
    "update": "update",
    "replace": "update",
    "delete": "delete",
    "create": "schema_change",
    "createIndexes": "schema_change",
    "drop": "schema_change",
    "dropDatabase": "schema_change",
    "dropIndexes": "schema_change",
    "invalidate": "schema_change",
    "modify": "schema_change",
    "refineCollectionShardKey": "schema_change",
    "rename": "schema_change",
    "reshardCollection": "schema_change",
    "shardCollection": "schema_change",
}
SALESFORCE: Words = {"CREATE": "insert", "UNDELETE": "insert", "UPDATE": "update", "DELETE": "delete"}


def operation_of(words: Words, word: Any) -> Operation | None:
    """The operation that a word stands for; None if it is none of the format's words."""
    return words.get(word) if isinstance(word, str) else None
