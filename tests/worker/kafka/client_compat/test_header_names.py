"""A record is read whatever bytes its header names have, and so are the records next to it."""

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.kafka.client_compat.header_names import read_batches

from tests.worker.classify.raw_batches import Record, builder

GZIP = 1
maybe = st.none() | st.binary(max_size=40)
records = st.tuples(maybe, maybe, st.lists(st.tuples(st.binary(max_size=12), maybe), max_size=3))


def all_of(data: bytes) -> list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]:
    found, batches = [], read_batches(data)
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        found += [(one.offset, one.key, one.value, list(one.headers)) for one in batch]
    return found


@given(batches=st.lists(st.lists(records, min_size=1, max_size=4), min_size=1, max_size=3), compression=st.booleans())
def test_all_records_are_read_with_their_own_bytes(batches: list[list[Record]], compression: bool) -> None:
    data = b"".join(bytes(builder(batch, GZIP * compression).build()) for batch in batches)
    assert all_of(data) == [
        (offset, key, value, [(name.decode(errors="replace"), content) for name, content in headers])
        for batch in batches
        for offset, (key, value, headers) in enumerate(batch)
    ]


def test_the_quick_reader_reads_what_it_can() -> None:
    good = bytes(builder([(b"k", b"v", [(b"name", b"1")])]).build())
    assert type(read_batches(good)) is MemoryRecords
    assert all_of(good) == [(0, b"k", b"v", [("name", b"1")])]


def test_aiokafka_alone_still_stops_there() -> None:
    """Else this guard can go."""
    batches = MemoryRecords(bytes(builder([(b"k", b"v", [(b"\xff", b"1")])]).build()))
    with pytest.raises(UnicodeDecodeError):
        list(batches.next_batch())


def test_what_is_really_damaged_is_still_said() -> None:
    data = bytearray(builder([(b"k", b"v" * 50, [])]).build())
    data[-20] ^= 1
    assert not read_batches(bytes(data)).next_batch().validate_crc()
