"""The codecs of what consumers fetch are observed, and nothing else changes."""

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from triage_worker.kafka.client_compat.codecs import observed_codecs
from triage_worker.kafka.client_compat.patches import apply_patches


def batch(codec: int) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, 1_000_000)
    for offset in range(20):
        builder.append(offset, 0, b"key", b"value" * 20, [])
    return bytes(builder.build())


def test_each_batch_is_counted_by_its_codec_and_read_as_before() -> None:
    apply_patches()
    before = fetcher.MemoryRecords
    with observed_codecs() as codecs:
        records = fetcher.MemoryRecords(batch(1) + batch(4) + batch(4) + batch(0))
        values = []
        while (found := records.next_batch()) is not None:
            values += [record.value for record in found]
    assert codecs == {"gzip": 1, "zstd": 2, "none": 1}
    assert values == [b"value" * 20] * 80
    assert fetcher.MemoryRecords is before
