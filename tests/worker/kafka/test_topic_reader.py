"""The division of "the last N records" among partitions."""

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.cli.moments import parse_moment
from triage_worker.kafka import topic_reader
from triage_worker.kafka.topic_reader import last_offsets

A, B, C = (TopicPartition("t", number) for number in range(3))


def test_partitions_give_equally_many_and_short_ones_leave_more_to_the_others() -> None:
    begins, ends = {A: 0, B: 100, C: 0}, {A: 1000, B: 105, C: 1000}
    assert last_offsets(begins, ends, 300) == {A: 852, B: 100, C: 853}


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        ("0001-01-01", 0),
        ("0001-01-01T00:00+23:59", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("1970-01-01T00:00:01Z", 1000),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139_000),
    ],
)
async def test_a_time_before_kafkas_first_means_all_records(
    monkeypatch: pytest.MonkeyPatch, since: str, asked: int
) -> None:
    times: list[int] = []

    class Consumer:
        async def offsets_for_times(self, timestamps: dict[TopicPartition, int]) -> dict[TopicPartition, None]:
            times.extend(timestamps.values())
            return dict.fromkeys(timestamps)

        async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(partitions, 7)

    async def partitions_of(consumer: object, topic: str) -> list[TopicPartition]:
        return [A, B]

    monkeypatch.setattr(topic_reader, "list_partitions", partitions_of)
    moment = parse_moment(since)
    assert moment is not None
    assert await topic_reader.offsets_since(Consumer(), "t", moment) == {A: 7, B: 7}  # type: ignore[arg-type]
    assert times == [asked, asked]


def test_a_topic_with_fewer_records_is_read_whole() -> None:
    assert last_offsets({A: 3, B: 0}, {A: 5, B: 1}, 100) == {A: 3, B: 0}
    assert last_offsets({}, {}, 100) == {}
