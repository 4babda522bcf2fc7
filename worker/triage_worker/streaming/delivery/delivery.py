"""The contract of a delivery: outputs reach the broker and are acknowledged."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from aiokafka.structs import TopicPartition


@dataclass(frozen=True, slots=True, eq=False)
class PartitionRequest:
    """A request from a delivery to the consumer, which alone changes positions and pauses partitions.

    Attributes:
        partition: an assigned partition.
        action: ``pause`` stops reading; ``restart`` drops what is in flight and goes back to the first message that is
            not answered; ``resume`` goes to the committed offset, if there is one, and reads on.
        done: ends when the consumer has done it, for ``resume`` with the committed offset; fails with the error that
            prevented it.
    """

    partition: TopicPartition
    action: Literal["pause", "restart", "resume"]
    done: "asyncio.Future[int | None]"


class Delivery(Protocol):
    """Takes outputs from `InFlightMessages`, publishes them and acknowledges them there."""

    @property
    def commits_offsets(self) -> bool:
        """Whether offsets are committed together with the outputs.

        If so, assigned partitions start paused, and the delivery asks for each to be resumed. If not, the consumer
        commits what is acknowledged.
        """
        ...

    @property
    def requests(self) -> "asyncio.Queue[PartitionRequest]":
        """What the consumer has to do for this delivery."""
        ...

    @property
    def outstanding(self) -> int:
        """Outputs that may be published and are not acknowledged."""
        ...

    @property
    def waiting_s(self) -> float:
        """For how many seconds the broker has taken nothing, while there was something to take."""
        ...

    @property
    def problem(self) -> str | None:
        """The last error, until the broker takes an output again."""
        ...

    @property
    def shortage(self) -> str | None:
        """Why some assigned partitions are not served; None if all are."""
        ...

    async def run(self) -> None:
        """Publish until cancelled."""
        ...

    def assign(self, partitions: Collection[TopicPartition], *, brokers: int) -> None:
        """Begin with partitions; must not block, since the group waits.

        Args:
            partitions: that were assigned.
            brokers: number of brokers of the cluster.
        """
        ...

    async def flush(self) -> None:
        """Wait until nothing is outstanding."""
        ...

    async def revoke(self, partitions: Iterable[TopicPartition]) -> None:
        """Stop work on partitions, finished or not."""
        ...
