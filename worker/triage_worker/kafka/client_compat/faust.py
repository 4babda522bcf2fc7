"""Works around three gaps of Faust. Only the router imports this module, since Faust is an extra."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import faust.streams
from faust.tables import TableManager

from triage_worker.kafka.client_compat import versions

versions.require(versions.FAUST)

LOGGER = __name__
"""Where Faust logs what `ReadyTables` does: it names a service's logger after the module of its class."""


class ReadyTables(TableManager):
    """Faust's table manager without the second that it waits for more tables: ours are declared before the start."""

    async def on_start(self) -> None:
        """Open the tables and start to recover them."""
        await self._update_channels()
        await self.recovery.start()


class _Source(NamedTuple):
    topic: str
    partition: int


class _PartitionEvent:
    """The part of Faust's event that its tables read."""

    def __init__(self, topic: str, partition: int) -> None:
        self.message = _Source(topic, partition)


@contextmanager
def current_partition(topic: str, partition: int) -> Iterator[None]:
    """Make Faust's tables work on a partition, within this context.

    They take the partition from the event that is being processed, and offer no other way to name it.

    Args:
        topic: a topic that is partitioned like the table.
        partition: the number of the partition.
    """
    event: Any = _PartitionEvent(topic, partition)
    token = faust.streams._current_event.set(weakref.ref(event))
    try:
        yield
    finally:
        faust.streams._current_event.reset(token)


def stop_until_seek(app: Any) -> None:
    """Stop the consumer of a Faust application until Faust has gone to the committed offsets.

    After a rebalance, Faust resumes the partitions before it seeks. What it read in between would be delivered twice
    or, if it counted as acknowledged, never. Faust starts the consumer again after the seek.
    """
    app.consumer.stop_flow()
