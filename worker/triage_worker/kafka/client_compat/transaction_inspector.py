"""Finds out what a broker left unfinished of a transactional id's last transaction, and finishes it.

A transaction coordinator that restarts can lose the markers of a transaction that it has decided: it skips partitions
without a leader (KAFKA-20734). The records of that transaction stay undecided, and so does its offset, until a later
marker of the same producer id decides them, too. aiokafka asks for none of this.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    OffsetOutOfRangeError,
    OperationNotAttempted,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.transaction import AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest
from aiokafka.structs import TopicPartition

from triage_worker.kafka.client_compat.header_names import read_batches
from triage_worker.kafka.client_compat.producer_requests import ProducerRequests
from triage_worker.kafka.client_compat.transaction_requests import (
    DescribeProducersRequest,
    DescribeTransactionsRequest,
    StableOffsetFetchRequest,
)

UNSTABLE_OFFSET_COMMIT = 88
TRANSACTIONAL_ID_NOT_FOUND = 105
NO_STATE = "Empty"
"""The state of an id that has not been used since its producer started."""

FETCH_BYTES = 64 * 1024


class CommittedOffset(NamedTuple):
    """What a group says of a partition.

    Attributes:
        offset: that is committed; 0 if there is none.
        stable: False while a transaction that is not decided in the group's log may change it.
    """

    offset: int
    stable: bool


class OpenTransactions(NamedTuple):
    """The transactions of one producer that are open in the logs of partitions.

    Attributes:
        since: the offset of the first record of each.
        hidden: partitions that could not be looked at: the right to read them is missing, or the broker is too old.
    """

    since: dict[TopicPartition, int]
    hidden: list[TopicPartition]


class TransactionInspector(ProducerRequests):
    """Asks brokers about the transactions of one producer."""

    async def start(self) -> str | None:
        """Start the producer; returns the state of its id before that, None if the broker is too old to say.

        Starting ends a transaction that is open, and after that the state is `NO_STATE`.

        Raises:
            KafkaError: as the producer's own `start`.
        """
        state: str | None = None
        starting = self._sender.start

        async def start() -> None:  # after the client is connected, and before the id is taken over
            nonlocal state
            state = await self.state()
            await starting()

        self._sender.start = start
        await self._producer.start()
        return state

    async def state(self) -> str | None:
        """The state of the id, such as "Ongoing" or "CompleteCommit"; None if the broker is too old to say."""

        async def ask() -> str:
            response = await self.ask_coordinator(DescribeTransactionsRequest(self._manager.transactional_id))
            ((code, _, state, *_),) = response.transactions
            if code == TRANSACTIONAL_ID_NOT_FOUND:
                return NO_STATE
            self.check(code)
            return str(state)

        try:
            return await self.repeat(ask)
        except IncompatibleBrokerVersion:
            return None

    async def committed(self, group: str, partition: TopicPartition) -> CommittedOffset | None:
        """The offset that a group has committed; None if the broker is too old to say whether it is stable."""

        async def ask(stable: bool = True) -> CommittedOffset:
            request = StableOffsetFetchRequest(group, [(partition.topic, [partition.partition])], stable)
            response = await self.ask_coordinator(request, group)
            if for_code(response.error_code) is GroupAuthorizationFailedError:
                raise GroupAuthorizationFailedError(group)
            self.check(response.error_code)
            ((_, ((_, offset, _, _, code, _),), _),) = response.topics
            if code == UNSTABLE_OFFSET_COMMIT:
                return await ask(stable=False)
            self.check(code, partition.topic)
            return CommittedOffset(max(0, offset), stable)

        try:
            return await self.repeat(ask)
        except IncompatibleBrokerVersion:
            return None

    async def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """List the partitions of topics that exist.

        Raises:
            LeaderNotAvailableError: one has no leader, so that nobody knows what is in it.
        """

        async def ask() -> list[TopicPartition]:
            client = self._producer.client
            if not set(topics) <= client._topics:
                for topic in topics:
                    client.add_topic(topic)
                await client.force_metadata_update()
            found = [
                TopicPartition(topic, number)
                for topic in topics
                for number in sorted(client.cluster.partitions_for_topic(topic) or ())
            ]
            for partition in found:
                self.leader(partition)
            return found

        return await self.repeat(ask)

    async def open_transactions(self, partitions: Collection[TopicPartition]) -> OpenTransactions:
        """Look for transactions of the producer in partitions, whatever its coordinator says."""

        async def ask() -> OpenTransactions:
            by_leader: dict[int, list[TopicPartition]] = defaultdict(list)
            for partition in partitions:
                by_leader[self.leader(partition)].append(partition)
            answers = await asyncio.gather(
                *(self.ask(leader, DescribeProducersRequest(_by_topic(led))) for leader, led in by_leader.items())
            )
            found = OpenTransactions({}, [])
            for topic, numbers, _ in (one for answer in answers for one in answer.topics):
                for number, code, _, producers, _ in numbers:
                    partition = TopicPartition(topic, number)
                    if for_code(code) is TopicAuthorizationFailedError:
                        found.hidden.append(partition)
                        continue
                    self.check(code)
                    for producer_id, first in producers:
                        if producer_id == self._manager.producer_id:
                            found.since[partition] = first
            return found

        try:
            return await self.repeat(ask)
        except IncompatibleBrokerVersion:
            return OpenTransactions({}, list(partitions))

    async def headers(self, partition: TopicPartition, offset: int) -> list[tuple[str, bytes | None]]:
        """The headers of a record, decided or not; none if the record is gone."""

        async def ask() -> list[tuple[str, bytes | None]]:
            request = FetchRequest(500, 1, FETCH_BYTES, 0, [(partition.topic, [(partition.partition, offset, 1)])])
            response = await self.ask(self.leader(partition), request)
            ((_, ((_, code, *_, data),)),) = response.topics
            if for_code(code) is OffsetOutOfRangeError:
                return []
            self.check(code, partition.topic)
            batches = read_batches(data)
            while (batch := batches.next_batch()) is not None:
                for record in batch:
                    if record.offset >= offset:
                        return list(record.headers)
            return []

        return await self.repeat(ask)

    async def end(self, partitions: Collection[TopicPartition], group: str | None, *, commit: bool) -> None:
        """Write markers, by a transaction without records; they decide all that is open of this producer there.

        Args:
            partitions: of topics, where a marker is written.
            group: whose log also gets one, which decides offsets; None for none.
            commit: whether all that is committed; otherwise aborted.

        Raises:
            ProducerFenced: another producer has taken the id over.
        """
        manager = self._manager
        owner = (manager.transactional_id, manager.producer_id, manager.producer_epoch)
        if partitions:

            async def add_partitions() -> None:
                request = AddPartitionsToTxnRequest(*owner, _by_topic(partitions))
                response = await self.ask_coordinator(request)
                for topic, numbers in response.errors:
                    for _, code in numbers:
                        if for_code(code) is not OperationNotAttempted:  # because of another partition's error
                            self.check(code, topic)

            await self.repeat(add_partitions)
        requests: list[Any] = [EndTxnRequest(*owner, commit)]
        if group is not None:
            requests.insert(0, AddOffsetsToTxnRequest(*owner, group))
        for request in requests:

            async def ask(request: Any = request) -> None:
                self.check((await self.ask_coordinator(request)).error_code)

            await self.repeat(ask)


def _by_topic(partitions: Iterable[TopicPartition]) -> list[tuple[str, list[int]]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for partition in partitions:
        numbers[partition.topic].append(partition.partition)
    return list(numbers.items())
