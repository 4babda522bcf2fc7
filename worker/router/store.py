"""A Faust table as our `Store`: what is written is on disk first, then on the changelog, and the future says when."""

import asyncio
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import faust
import faust.streams


class _Place(NamedTuple):
    topic: str
    partition: int


class _Event:
    """Stands in for the event that Faust's tables ask for the partition to work on."""

    def __init__(self, topic: str, partition: int) -> None:
        self.message = _Place(topic, partition)


class FaustStore:
    """A table by partition and key.

    Faust's tables find the partition in the event that is being worked on. We work on batches, and on tickets that
    nothing has come for, so we say which partition it is.

    Args:
        table: with raw keys and values.
        topic: a topic that is partitioned as the table.
    """

    def __init__(self, table: Any, topic: str) -> None:
        self._table = table
        self._topic = topic

    def get(self, partition: int, key: bytes) -> bytes | None:
        """What is kept under a key."""
        with self._at(partition):
            value: bytes | None = self._table.data.get(key)
        return value

    def put(self, partition: int, key: bytes, value: bytes | None) -> "asyncio.Future[object]":
        """Keep, or with None forget; the future is done when the changelog has it."""
        with self._at(partition):
            # The disk first: the changelog's acknowledgement marks the disk as being that far.
            if value is None:
                self._table.data.pop(key, None)
            else:
                self._table.data[key] = value
        sent: asyncio.Future[object] = self._table.send_changelog(partition, key, value, value_serializer="raw")
        return sent

    def values(self) -> Iterator[bytes]:
        """All that is kept, of the partitions that are ours."""
        return iter(list(self._table.data.values()))

    @contextmanager
    def _at(self, partition: int) -> Iterator[None]:
        event: Any = _Event(self._topic, partition)
        token = faust.streams._current_event.set(weakref.ref(event))
        try:
            yield
        finally:
            faust.streams._current_event.reset(token)
