"""Patches aiokafka to read records with header names that are not UTF-8, as Kafka's Java client does.

Kafka wants header names in UTF-8, but its broker does not check them. aiokafka fails at such a record on every attempt,
so its partition would stay there for ever. Java's client replaces invalid bytes with U+FFFD, and so does this patch.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

MAGIC_OFFSET = 16
"""Where a batch holds the version of its format. Headers came with version 2."""


def apply_patch() -> None:
    """Make all consumers of this process read fetched data with `read_batches`."""
    fetcher.MemoryRecords = read_batches


def read_batches(data: bytes) -> _MemoryRecordsPy:
    """Read the record batches in a fetched piece of a partition.

    All records are parsed once in advance, which takes a quarter of a microsecond each. Only if that fails, aiokafka's
    slower Python reader takes over. Errors that it cannot read past either are raised by it, batch by batch.
    """
    records = MemoryRecords(data)
    try:
        while (batch := records.next_batch()) is not None:
            for _ in batch:
                pass
    except Exception:
        return _TolerantRecords(data)
    return MemoryRecords(data)


class _TolerantRecords(_MemoryRecordsPy):
    def next_batch(self) -> _DefaultRecordBatchPy | None:
        batch_bytes = self._next_slice
        batch = super().next_batch()
        return batch if batch_bytes is None or batch_bytes[MAGIC_OFFSET] < 2 else _TolerantBatch(batch_bytes)


class _TolerantBatch(_DefaultRecordBatchPy):
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _TolerantBytes(self._buffer)


class _TolerantBytes(bytearray):
    """Bytes whose slices always decode: aiokafka decodes nothing but header names from them."""

    def __getitem__(self, index: Any) -> Any:
        item = super().__getitem__(index)
        return _TolerantBytes(item) if isinstance(index, slice) else item

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
