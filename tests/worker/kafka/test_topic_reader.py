"""The division of "the last N records" among partitions."""

from aiokafka.structs import TopicPartition
from triage_worker.kafka.topic_reader import last_offsets

A, B, C = (TopicPartition("t", number) for number in range(3))


def test_partitions_give_equally_many_and_short_ones_leave_more_to_the_others() -> None:
    begins, ends = {A: 0, B: 100, C: 0}, {A: 1000, B: 105, C: 1000}
    assert last_offsets(begins, ends, 300) == {A: 852, B: 100, C: 853}


def test_a_topic_with_fewer_records_is_read_whole() -> None:
    assert last_offsets({A: 3, B: 0}, {A: 5, B: 1}, 100) == {A: 3, B: 0}
    assert last_offsets({}, {}, 100) == {}
