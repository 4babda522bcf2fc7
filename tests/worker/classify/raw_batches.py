"""Record batches with header names that are not UTF-8, which no client library writes."""

from collections.abc import Sequence

from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

Record = tuple[bytes | None, bytes | None, Sequence[tuple[bytes, bytes | None]]]
"""Key, value, and headers whose names are bytes."""


class RawName(str):
    """A header name of any bytes, which aiokafka's writer encodes to these bytes."""

    raw: bytes

    def __new__(cls, raw: bytes) -> "RawName":
        name = super().__new__(cls, raw.decode(errors="replace"))
        name.raw = raw
        return name

    def encode(self, *_: object, **__: object) -> bytes:
        return self.raw


def builder(records: Sequence[Record], compression: int = 0) -> _DefaultRecordBatchBuilderPy:
    """Fill aiokafka's own writer with records; its ``build`` returns the bytes."""
    writer = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 1 << 20)
    for offset, (key, value, headers) in enumerate(records):
        writer.append(offset, None, key, value, [(RawName(name), content) for name, content in headers])
    return writer
