"""Batches of records as no proper client writes them."""

from collections.abc import Sequence

from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

Record = tuple[bytes | None, bytes | None, Sequence[tuple[bytes, bytes | None]]]
"""Key, value, and headers whose names are bytes."""


class Name(str):
    """A header name of any bytes, for aiokafka's writer."""

    raw: bytes

    def __new__(cls, raw: bytes) -> "Name":
        made = super().__new__(cls, raw.decode(errors="replace"))
        made.raw = raw
        return made

    def encode(self, *_: object, **__: object) -> bytes:
        return self.raw


def builder(records: Sequence[Record], compression: int = 0) -> _DefaultRecordBatchBuilderPy:
    """aiokafka's own writer, filled with records; ``build()`` gives the bytes."""
    made = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, 0, 1 << 20)
    for offset, (key, value, headers) in enumerate(records):
        made.append(offset, None, key, value, [(Name(name), content) for name, content in headers])
    return made
