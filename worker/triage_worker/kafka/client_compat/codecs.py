"""Observes by which codec the batches of records are compressed that consumers of this process fetch."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


@contextmanager
def observed_codecs() -> Iterator[Counter[str]]:
    """Count the batches that are fetched within the context, by the name of their codec.

    Enter it after the consumers were made: making one replaces what is observed (see `header_names`).
    """
    counts: Counter[str] = Counter()
    read = fetcher.MemoryRecords

    def observe(data: bytes) -> _MemoryRecordsPy:
        counts.update(_codecs_of(data))
        return read(data)

    fetcher.MemoryRecords = observe
    try:
        yield counts
    finally:
        fetcher.MemoryRecords = read


def _codecs_of(data: bytes) -> Iterator[str]:
    """Yield the codec of each batch, without unpacking any; batches of Kafka's first formats do not say it."""
    records = MemoryRecords(data)
    while (batch := records.next_batch()) is not None:
        code = getattr(batch, "compression_type", None)
        if code is not None and not batch.is_control_batch:
            yield CODECS.get(code, str(code))
