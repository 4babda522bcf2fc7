"""Header names that are not UTF-8, read as Kafka's own client reads them.

Kafka wants header names in UTF-8, and its broker does not look. aiokafka fails at such a record however often it tries,
so its partition would wait there for ever. Java's client puts U+FFFD in place of what it cannot read; so do we.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

MAGIC = 16
"""Where a batch says which version of the format it has. Names are in the headers, which came with version 2."""


def tolerate() -> None:
    """Have all consumers of this process read so."""
    fetcher.MemoryRecords = read


def read(data: bytes) -> Any:
    """The batches in a fetched piece of a partition.

    All records are looked at once before, which takes a quarter of a microsecond each. Only where that fails does
    aiokafka's slower reader take over; what it cannot read either is told by it, batch by batch.
    """
    records = MemoryRecords(data)
    try:
        while records.has_next():
            for _ in records.next_batch():
                pass
    except Exception:
        return _TolerantRecords(data)
    return MemoryRecords(data)


class _TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        piece = self._next_slice
        batch = super().next_batch()
        return batch if piece is None or piece[MAGIC] < 2 else _TolerantBatch(piece)


class _TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Tolerant(self._buffer)


class _Tolerant(bytearray):
    """Bytes whose slices become text in any case: aiokafka decodes nothing but names from them."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Tolerant(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
