"""A Faust table as a `StateStore`: changes go to the disk first, then to the changelog."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from faust.types import TP

from triage_worker.kafka.client_compat.faust import current_partition
from triage_worker.router.interfaces import StateChange


class FaustStore:
    """A Faust table, read and written by partition and key.

    Faust's tables take the partition from the event that is being processed. The router processes batches, and tickets
    that no event came for, so it names the partition itself.

    Args:
        table: a table with raw keys and values.
        producer: writes the changelog.
        topic: a topic that is partitioned like the table.
    """

    def __init__(self, table: Any, producer: AIOKafkaProducer, topic: str) -> None:
        self._table = table
        self._producer = producer
        self._topic = topic

    def get(self, partition: int, key: bytes) -> bytes | None:
        """Return the value of a key; None if there is none."""
        with current_partition(self._topic, partition):
            value: bytes | None = self._table.data.get(key)
        return value

    async def write(self, changes: Sequence[StateChange]) -> None:
        """Apply changes; return when the changelog has all of them.

        Raises:
            KafkaError: the broker does not accept them.
        """
        for change in changes:
            # The disk comes first: below, it is marked as complete up to an offset of the changelog.
            with current_partition(self._topic, change.partition):
                if change.value is None:
                    self._table.data.pop(change.key, None)
                else:
                    self._table.data[change.key] = change.value
        changelog = self._table.changelog_topic_name
        # Faust's own buffer is not used: it sends one record at a time, and blocks consumption meanwhile.
        sent = [
            await self._producer.send(changelog, key=change.key, value=change.value, partition=change.partition)
            for change in changes
        ]
        reached: dict[int, int] = {}
        for record in await asyncio.gather(*sent):
            reached[record.partition] = max(record.offset, reached.get(record.partition, -1))
        for partition, offset in reached.items():
            self._table.data.set_persisted_offset(TP(changelog, partition), offset)

    def values(self) -> Iterator[bytes]:
        """All values of the assigned partitions."""
        return iter(list(self._table.data.values()))
