"""Exactly once: the outputs of a partition and its offset in one transaction, those of partitions side by side."""

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from triage_worker.kafka.authorization import REFUSED, refusal
from triage_worker.streaming.delivery.delivery import until
from triage_worker.streaming.delivery.partition_transactions import Lane, Terms
from triage_worker.streaming.tracking.offset_tracker import Ledger, PartitionLedger
from triage_worker.streaming.tracking.output import Output

CHECK_S = 1.0


class ExactlyOnce:
    """Publishes and commits in transactions, those of different partitions side by side."""

    def __init__(self, terms: Terms, ledger: Ledger[Output]) -> None:
        self._terms = terms
        self._ledger = ledger
        self._lanes: dict[TopicPartition, Lane] = {}
        self._ever_begun = False

    @property
    def outstanding(self) -> int:
        return sum(lane.outstanding for lane in self._lanes.values())

    @property
    def waiting_s(self) -> float:
        return max((lane.waiting_s for lane in self._lanes.values()), default=0.0)

    @property
    def problem(self) -> str | None:
        return next((lane.problem for lane in self._lanes.values() if lane.problem is not None), None)

    def publish(self, outputs: Sequence[Output]) -> None:
        lane = self._lanes.get(outputs[0].ledger.partition)
        if lane is not None:
            lane.publish(outputs)

    async def run(self) -> None:
        """The partitions' tasks begin with their assignment; this one only fails when one of them does.

        Raises:
            ConfigError: the user lacks a right without which no partition could ever be begun.
        """
        while True:
            await asyncio.sleep(CHECK_S)
            for lane in list(self._lanes.values()):
                lane.check()
                self._ever_begun |= lane.begun
                if isinstance(lane.error, REFUSED) and not self._ever_begun:
                    raise refusal(lane.error, "Write")

    def assigned(self, client: AIOKafkaConsumer, ledgers: Iterable[PartitionLedger[Output]]) -> None:
        for ledger in ledgers:
            client.pause(ledger.partition)  # before its first fetch: the lane resumes it when it has fenced
            self._lanes[ledger.partition] = Lane(self._terms, self._ledger, client, ledger.partition)

    async def settle(self) -> None:
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.hurry()
        await until(lambda: all(lane.outstanding == 0 for lane in lanes))

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        lanes = [lane for partition in partitions if (lane := self._lanes.pop(partition, None)) is not None]
        ending = [lane.cancel() for lane in lanes]
        if ending:
            await asyncio.wait(ending)
