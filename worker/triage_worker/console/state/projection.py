"""The contract of projections: they turn the records of one topic into rows."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from triage_schemas.cloudevents import RecordHeaders


class ReadRecord(NamedTuple):
    """A record, with the fields of its event.

    Attributes:
        at: its timestamp, in milliseconds since the epoch.
        fields: of the event, as a JSON parser reads them; empty for a record without a value, or whose value is no
            event.
    """

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes | None
    headers: RecordHeaders
    fields: dict[str, Any]


class Projection(Protocol):
    """Turns records into rows. Topics are read in any order, and a record can come twice: rows do not depend on it."""

    @property
    def setting(self) -> str:
        """The setting that names the topic."""
        ...

    def apply(self, connection: sqlite3.Connection, records: Sequence[ReadRecord]) -> None:
        """Add records, in the order of their partitions, within a transaction."""
        ...


def header(headers: RecordHeaders, name: str) -> str | None:
    """Return the value of the first header of a name."""
    for found, value in headers:
        if found == name:
            return None if value is None else value.decode("utf-8", "replace")
    return None
