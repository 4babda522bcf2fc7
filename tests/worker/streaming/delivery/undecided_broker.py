"""A scripted broker that has lost markers: it calls transactions complete, and their records stay undecided."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import TopicPartition
from triage_worker.kafka.client_compat.transaction_inspector import UNSTABLE_OFFSET_COMMIT

from tests.worker.kafka.client_compat.scripted_broker import (
    NODE,
    PARTITIONS,
    TOPIC,
    ScriptedBroker,
    scripted_broker,
)

SOURCE = TopicPartition("in", 0)
OUTPUTS = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
PRODUCER_ID = 7
HIDDEN = 29


@dataclass
class UndecidedBroker:
    """The state of the one transactional id.

    Attributes:
        state: what the coordinator says of it.
        committed: the group's offset of `SOURCE`.
        pending: an offset that is not decided.
        open: the first undecided record of each output partition.
        headers: of those records.
        readable: whether the user may read output partitions.
        leader: of output partitions.
        losing: how many more transactions lose their markers.
        decided: the transactions that were ended: their partitions, whether the group was among them, the outcome.
    """

    state: str = "CompleteCommit"
    committed: int = -1
    pending: int | None = None
    open: dict[TopicPartition, int] = field(default_factory=dict)
    headers: dict[TopicPartition, list[tuple[str, bytes]]] = field(default_factory=dict)
    readable: bool = True
    leader: int = NODE
    losing: int = 0
    decided: list[tuple[list[TopicPartition], bool, bool]] = field(default_factory=list)
    _partitions: list[TopicPartition] = field(default_factory=list)
    _group: bool = False

    def leave(self, partition: TopicPartition, source: int, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Leave an output undecided, which answers the message at an offset of `SOURCE`."""
        self.open[partition] = 40 + partition.partition
        ce_id = f"triage.intent:{SOURCE.topic}:{SOURCE.partition}:{source}".encode()
        self.headers[partition] = [("ce_id", ce_id)] if headers is None else headers

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedBroker]:
        """Run the broker."""
        names = [name for name in vars(type(self)) if name.endswith("Request")]
        async with scripted_broker(**{name: getattr(self, name) for name in names}) as broker:
            yield broker

    def MetadataRequest(self, _: Any) -> Any:
        partitions: list[Any] = [(0, number, self.leader, [NODE], [NODE], []) for number in range(PARTITIONS)]
        return 0, "cluster", NODE, [(0, TOPIC, False, partitions)]

    def InitProducerIdRequest(self, _: Any) -> Any:
        self.state = "Empty"
        return 0, 0, PRODUCER_ID, 3

    def DescribeTransactionsRequest(self, request: Any) -> Any:
        (name,) = request.transactional_ids
        return 0, [(0, name, self.state, 0, 0, PRODUCER_ID, 2, [], {})], {}

    def StableOffsetFetchRequest(self, request: Any) -> Any:
        unstable = request.require_stable and self.pending is not None
        offset, code = (-1, UNSTABLE_OFFSET_COMMIT) if unstable else (self.committed, 0)
        return 0, [(SOURCE.topic, [(SOURCE.partition, offset, -1, None, code, {})], {})], 0, {}

    def DescribeProducersRequest(self, request: Any) -> Any:
        def partition(topic: str, number: int) -> Any:
            first = self.open.get(TopicPartition(topic, number), -1)
            producers = [(PRODUCER_ID + 1, 11), (PRODUCER_ID, first)] if self.readable else []
            return number, 0 if self.readable else HIDDEN, None, producers, {}

        return 0, [(topic, [partition(topic, one) for one in numbers], {}) for topic, numbers, _ in request.topics], {}

    def FetchRequest(self, request: Any) -> Any:
        ((topic, ((number, *asked),)),) = request.topics
        partition = TopicPartition(topic, number)
        assert self.open[partition] in asked
        batch = _DefaultRecordBatchBuilderPy(2, 0, 1, PRODUCER_ID, 2, 0, 1 << 16)
        batch.append(0, None, b"k", b"v", self.headers[partition])
        data = self.open[partition].to_bytes(8) + bytes(batch.build())[8:]
        preferred = (-1,) if request.API_VERSION >= 11 else ()
        return 0, 0, 0, [(topic, [(number, 0, 50, 40, 0, [], *preferred, data)])]

    def AddPartitionsToTxnRequest(self, request: Any) -> Any:
        for topic, numbers in request.topics:
            self._partitions += [TopicPartition(topic, number) for number in numbers]
        return 0, [(topic, [(number, 0) for number in numbers]) for topic, numbers in request.topics]

    def AddOffsetsToTxnRequest(self, _: Any) -> Any:
        self._group = True
        return 0, 0

    def EndTxnRequest(self, request: Any) -> Any:
        commit = bool(request.transaction_result)
        self.decided.append((sorted(self._partitions), self._group, commit))
        if self.losing:
            self.losing -= 1
        else:
            for partition in self._partitions:
                self.open.pop(partition, None)
            if self._group and self.pending is not None:
                self.committed = self.pending if commit else self.committed
                self.pending = None
        self._partitions, self._group = [], False
        self.state = "CompleteCommit" if commit else "CompleteAbort"
        return 0, 0
