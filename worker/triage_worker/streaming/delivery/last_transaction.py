"""Decides what a broker left undecided of the last transaction of a partition, before anything relies on its offset.

A coordinator that restarts can call a transaction complete without having written its markers. Its outputs and its
offset are then undecided: a worker that starts would read from the offset before, and its first commit would also
commit the old outputs. So the missing markers are written first.

What is undecided has one right outcome. Outputs of messages in front of the committed offset are committed: nobody
reads these messages again. An undecided offset follows the coordinator's decision, and so do the outputs of its
transaction, since others of them may be decided already. All other outputs are aborted: their messages are read again.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from time import monotonic
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from triage_schemas.dead_letters import read_dead_letter

from triage_worker.kafka.client_compat.transaction_inspector import (
    NO_STATE,
    CommittedOffset,
    OpenTransactions,
    TransactionInspector,
)

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""For how long something may be undecided before it is decided here. Up to Kafka 3, a group learns late of a marker."""

AGAIN_S = 10.0
"""How often markers are written again; in vain, if the transaction is another producer's."""

LOOK_S = 0.1

STILL = (
    "A transaction is still undecided, perhaps another producer's: the partition waits for its end. If it has none, "
    "kafka-transactions.sh finds and aborts it, see docs/worker.md"
)

DECIDING = ("Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence")
"""The states of a transaction whose markers are still to be written."""

_logged: set[str] = set()
"""What was logged already: it holds for all partitions."""


class Undecided(NamedTuple):
    """What is left of a transaction.

    Attributes:
        committed: the group's offset, which may be undecided.
        outputs: of the producer in the logs of output partitions.
    """

    committed: CommittedOffset
    outputs: OpenTransactions

    @property
    def is_empty(self) -> bool:
        """Whether everything is decided, as far as one can see."""
        return self.committed.stable and not self.outputs.since


class LastTransaction:
    """The last transaction of a partition's transactional id.

    Args:
        topics: that outputs are published to.
        group: whose offset is committed.
        partition: whose offset it is.
    """

    def __init__(self, topics: Collection[str], group: str, partition: TopicPartition) -> None:
        self._topics = topics
        self._group = group
        self._partition = partition
        self._was_committed = False
        self._inspector: TransactionInspector | None = None

    async def start(self, producer: AIOKafkaProducer) -> bool:
        """Start a producer with the partition's id, and decide what is undecided; returns whether something was.

        Raises:
            KafkaError: the producer could not be started, or brokers did not answer.
        """
        self._inspector = inspector = TransactionInspector(producer)
        self._note(await inspector.start())
        found = await self._decide(inspector)
        inspector.watch()
        return found

    async def check(self) -> None:
        """Decide what is undecided, if a coordinator was lost meanwhile; no transaction may be open.

        Raises:
            KafkaError: brokers did not answer, another worker has the partition, or messages must be read again.
        """
        inspector = self._inspector
        if inspector is None or not inspector.coordinator_was_lost:
            return
        while (state := await inspector.state()) in DECIDING:  # noqa: ASYNC110 (brokers do not tell)
            await asyncio.sleep(LOOK_S)
        self._note(state)
        if await self._decide(inspector) and not self._was_committed:
            raise KafkaError("A broker left a transaction undecided, and it is aborted now")
        inspector.watch()

    def _note(self, state: str | None) -> None:
        if state != NO_STATE:  # a producer that started since then has wiped it out
            self._was_committed = state in ("PrepareCommit", "CompleteCommit")

    async def _decide(self, inspector: TransactionInspector) -> bool:
        since = monotonic()
        wait_s = SETTLE_S
        found = False
        while (left := await self._undecided(inspector)) is not None:
            if monotonic() - since >= wait_s:
                if found:
                    log.warning("%s", STILL, extra=self._source())
                await self._end(inspector, left)
                since, wait_s, found = monotonic(), AGAIN_S, True
            else:
                await asyncio.sleep(LOOK_S)
        return found

    async def _undecided(self, inspector: TransactionInspector) -> Undecided | None:
        committed = await inspector.committed(self._group, self._partition)
        if committed is None:
            _tell("The broker cannot say whether an offset is decided: transactions that it left undecided stay so")
            return None
        outputs = await inspector.open_transactions(await inspector.partitions(self._topics))
        if outputs.hidden:
            names = ", ".join(sorted({partition.topic for partition in outputs.hidden}))
            _tell(f"Outputs that a broker left undecided are not found without Read on {names}, see docs/security.md")
        left = Undecided(committed, outputs)
        return None if left.is_empty else left

    async def _end(self, inspector: TransactionInspector, left: Undecided) -> None:
        ended: dict[bool, list[TopicPartition]] = {True: [], False: []}
        for partition, offset in left.outputs.since.items():
            source = source_offset(await inspector.headers(partition, offset), self._partition)
            ended[self._outcome(left, source)].append(partition)
        if not left.committed.stable:
            ended[self._was_committed] += left.outputs.hidden  # a marker where nothing is open changes nothing
        for commit, partitions in ended.items():
            group = self._group if not left.committed.stable and commit is self._was_committed else None
            if partitions or group is not None:
                extra = {**self._source(), "outputs": len(partitions), "offset": group is not None}
                log.warning("A broker left a transaction undecided: %s", _DONE[commit], extra=extra)
                await inspector.end(partitions, group, commit=commit)

    def _outcome(self, left: Undecided, source: int | None) -> bool:
        """Whether an output is committed, by the offset of its message; None if it does not say."""
        if source is not None and source < left.committed.offset:
            return True
        return self._was_committed and (source is None or not left.committed.stable)

    def _source(self) -> dict[str, object]:
        return {"topic": self._partition.topic, "partition": self._partition.partition}


_DONE = {True: "it is committed now", False: "it is aborted now, and its messages are read again"}


def source_offset(headers: Sequence[tuple[str, bytes | None]], partition: TopicPartition) -> int | None:
    """The offset of the message that an output answers; None if it answers none of this partition."""
    dead_letter = read_dead_letter(headers)
    if dead_letter is not None and dead_letter.source[:2] == partition:
        return dead_letter.source.offset
    for name, value in headers:
        if name == "ce_id" and value is not None:
            source, _, offset = value.decode(errors="replace").rpartition(":")
            if source.endswith(f":{partition.topic}:{partition.partition}") and offset.isdecimal():
                return int(offset)
    return None


def _tell(fact: str) -> None:
    if fact not in _logged:
        _logged.add(fact)
        log.warning("%s", fact)
