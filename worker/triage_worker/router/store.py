"""A Faust table as our `Store`: what is written is on disk first, then on the changelog, and the future says when."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from faust.types import TP

from triage_worker.kafka.client_compat.faust import current_partition
from triage_worker.router.records import Change


class FaustStore:
    """A table by partition and key.

    Faust's tables find the partition in the event that is being worked on. We work on batches, and on tickets that
    nothing has come for, so we say which partition it is.

    Args:
        table: with raw keys and values.
        producer: writes the changelog.
        topic: a topic that is partitioned as the table.
    """

    def __init__(self, table: Any, producer: AIOKafkaProducer, topic: str) -> None:
        self._table = table
        self._producer = producer
        self._topic = topic

    def get(self, partition: int, key: bytes) -> bytes | None:
        """What is kept under a key."""
        with current_partition(self._topic, partition):
            value: bytes | None = self._table.data.get(key)
        return value

    async def write(self, changes: Sequence[Change]) -> None:
        """Keep what is new and forget what is None; return when the changelog has all of it.

        Raises:
            KafkaError: it has not, and never will.
        """
        for change in changes:
            # The disk first: once the disk is marked as being as far as the changelog, it must be.
            with current_partition(self._topic, change.partition):
                if change.value is None:
                    self._table.data.pop(change.key, None)
                else:
                    self._table.data[change.key] = change.value
        changelog = self._table.changelog_topic_name
        # Not by Faust's buffer, which hands on one record at a time and stops the reading while it does.
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
        """All that is kept, of the partitions that are ours."""
        return iter(list(self._table.data.values()))
