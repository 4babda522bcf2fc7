"""The last records of a topic, also where most offsets have none."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_worker.doctor.sampling import Sample, empty_sample, read_last

from tests.worker.doctor.payloads import record

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class FakeConsumer:
    """A topic whose partitions have records at some offsets only."""

    def __init__(self, offsets: Mapping[TopicPartition, list[int]], ends: Mapping[TopicPartition, int]) -> None:
        self.offsets = offsets
        self.ends = ends
        self.positions: dict[TopicPartition, int] = {}
        self.polls = 0
        self.stuck = False

    async def beginning_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return {place: self.ends[place] for place in places}

    def assign(self, places: Any) -> None:
        assert set(places) == set(self.ends)

    async def seek_to_beginning(self, *places: TopicPartition) -> None:
        self.positions = dict.fromkeys(places, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    async def getmany(self, *places: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        self.polls += 1
        if self.stuck:
            await asyncio.sleep(3600)
        found = {}
        for place in places:
            later = [offset for offset in self.offsets[place] if offset >= self.positions[place]][:7]
            found[place] = [self._record(place, offset) for offset in later]
            self.positions[place] = later[-1] + 1 if later else self.ends[place]
        return found

    def _record(self, place: TopicPartition, offset: int) -> ConsumerRecord:
        return record(b"x", 3 * offset + place.partition)


async def read(consumer: FakeConsumer, count: int, timeout_s: float = 5) -> Sample:
    sample = await empty_sample(consumer, "t", list(consumer.ends))  # type: ignore[arg-type]
    await read_last(consumer, sample, count, timeout_s)  # type: ignore[arg-type]
    return sample


async def test_the_last_records_of_all_partitions_are_read_and_no_more() -> None:
    consumer = FakeConsumer({A: list(range(500)), B: list(range(3))}, {A: 500, B: 3})
    sample = await read(consumer, 100)
    assert len(sample.records) == 100
    assert sample.offsets == 503
    assert sum(one.partition == 1 for one in sample.records) == 3
    assert min(one.offset for one in sample.records if one.partition == 0) == 403
    assert [one.timestamp for one in sample.records] == sorted(one.timestamp for one in sample.records)


@pytest.mark.parametrize("ends", [{A: 10_000, B: 10_000}, {A: 10_000, B: 0}])
async def test_records_far_before_the_end_are_found_where_the_others_were_deleted(
    ends: dict[TopicPartition, int],
) -> None:
    offsets = {A: list(range(0, 9_000, 100)), B: [5] if ends[B] else []}
    consumer = FakeConsumer(offsets, ends)
    sample = await read(consumer, 50)
    assert len(sample.records) == 50
    assert max(one.offset for one in sample.records) == 8_900
    assert consumer.polls < 100
    everything = await read(FakeConsumer(offsets, ends), 1_000)
    assert len(everything.records) == sum(map(len, offsets.values()))


async def test_a_topic_without_records_and_one_that_does_not_answer_end() -> None:
    assert (await read(FakeConsumer({A: []}, {A: 0}), 10)).records == []
    assert (await read(FakeConsumer({A: []}, {A: 5_000}), 10)).records == []
    consumer = FakeConsumer({A: [1, 2]}, {A: 3})
    consumer.stuck = True
    sample = await read(consumer, 10, timeout_s=0.05)
    assert sample.timed_out
    assert sample.records == []
