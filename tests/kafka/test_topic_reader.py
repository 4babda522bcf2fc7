"""Reading a topic to its end, on a real Kafka."""

from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.kafka.topic_reader import open_reader, read_topic

from tests.kafka.harness import KafkaHarness

pytestmark = pytest.mark.kafka


async def test_who_goes_on_after_the_end_gets_what_arrived_meanwhile(
    harness: KafkaHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.create_topics(partitions=2)
    await harness.send(harness.input, [(b"a", b"1", []), (b"b", b"2", []), (b"a", b"3", [])])
    async with open_reader(Settings(bootstrap_servers=harness.bootstrap)) as consumer:
        before = await consumer.end_offsets([TopicPartition(harness.input, number) for number in range(2)])
        # The fetch that finds the first three then also finds these.
        await harness.send(harness.input, [(b"a", b"4", []), (b"b", b"5", [])])

        async def ends_before_more_arrived(*_: Any) -> Any:
            return before

        monkeypatch.setattr(consumer, "end_offsets", ends_before_more_arrived)
        read = [record.value or b"" async for batch in read_topic(consumer, harness.input) for record in batch]
        assert sorted(read) == [b"1", b"2", b"3"]
        later: list[bytes] = []
        while len(later) < 2:
            for records in (await consumer.getmany(timeout_ms=2_000)).values():
                later += [record.value or b"" for record in records]
            assert later, "what arrived while the topic was read is lost"
        assert sorted(later) == [b"4", b"5"]
