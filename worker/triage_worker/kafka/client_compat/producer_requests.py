"""Sends requests of our own by the client of a transactional producer, to coordinators and leaders that may move."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    IncompatibleBrokerVersion,
    InvalidProducerEpoch,
    KafkaError,
    LeaderNotAvailableError,
    NoError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.api import Response
from aiokafka.structs import TopicPartition

PATIENCE_S = 30.0
"""How long a request is repeated while coordinators or leaders move."""

RETRY_S = 0.1

T = TypeVar("T")


class ProducerRequests:
    """Sends requests with the identity of a producer.

    Args:
        producer: transactional, and not started.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._sender: Any = producer._sender
        self._manager: Any = producer._txn_manager
        self._watched = _WatchedCoordinators()

    @property
    def coordinator_was_lost(self) -> bool:
        """Whether a coordinator moved or broke down since `watch`."""
        return self._watched.lost

    def watch(self) -> None:
        """Note from now on when a coordinator is lost."""
        self._watched.update(self._sender._coordinators)
        self._watched.lost = False
        self._sender._coordinators = self._watched

    async def repeat(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until nothing fails because coordinators and leaders move.

        Raises:
            KafkaError: the answer, or the last error after `PATIENCE_S`.
        """
        deadline = monotonic() + PATIENCE_S
        while True:
            try:
                return await ask()
            except ConcurrentTransactions:  # the markers of the last transaction are being written
                if monotonic() > deadline:
                    raise
            except KafkaError as error:
                if not error.retriable or monotonic() > deadline:
                    raise
                for kind in (CoordinationType.TRANSACTION, CoordinationType.GROUP):
                    self._sender._coordinator_dead(kind)
                await self._producer.client.force_metadata_update()
            await asyncio.sleep(RETRY_S)

    async def ask_coordinator(self, request: Any, group: str | None = None) -> Response:
        """Send a request to the coordinator of a group, or to that of the producer's transactions."""
        kind = CoordinationType.TRANSACTION if group is None else CoordinationType.GROUP
        if self._producer.client.get_random_node() is None:  # aiokafka's sender would look for it without an end
            raise LeaderNotAvailableError("the cluster names no broker at present")
        node = await self._sender._find_coordinator(kind, group or self._manager.transactional_id)
        return await self.ask(node, request, ConnectionGroup.COORDINATION)

    async def ask(self, node: int, request: Any, connections: ConnectionGroup = ConnectionGroup.DEFAULT) -> Response:
        """Send a request to a broker.

        Raises:
            IncompatibleBrokerVersion: it is too old.
            KafkaError: it did not answer.
        """
        try:
            response: Response = await self._producer.client.send(node, request, group=connections)
        except NotImplementedError as error:  # aiokafka's way to say that no version of it is known to both
            raise IncompatibleBrokerVersion(str(error)) from error
        return response

    def leader(self, partition: TopicPartition) -> int:
        """The broker that leads a partition.

        Raises:
            LeaderNotAvailableError: none does.
        """
        leader = self._producer.client.cluster.leader_for_partition(partition)
        if leader is None or leader < 0:
            raise LeaderNotAvailableError(f"{partition.topic}-{partition.partition} has no leader")
        return int(leader)

    def check(self, code: int, topic: str = "") -> None:
        """Raise the error that a broker answered with, if it is one.

        Args:
            code: of the protocol.
            topic: that it is about, if it is about one.
        """
        error = for_code(code)
        if error is NoError:
            return
        if error is InvalidProducerEpoch:
            raise ProducerFenced
        if error is TransactionalIdAuthorizationFailed:
            raise error(self._manager.transactional_id)
        raise error(topic) if error is TopicAuthorizationFailedError else error(code)


class _WatchedCoordinators(dict[Any, int]):
    """Where a sender keeps its coordinators; it drops each that moved or broke down."""

    lost = False

    def pop(self, *arguments: Any) -> Any:
        self.lost = True
        return super().pop(*arguments)
