"""Patches aiokafka's clients for a cluster that names no broker: the only one starts, stops, or is fenced.

A client that starts meanwhile keeps the connection to its bootstrap server, to ask there until the cluster names one.

*Looking up a coordinator.* aiokafka fails an assertion then, where every other error of a broker that is not ready is
retried. A transactional producer does not start, and a consumer's group ends for ever.

*Asking any broker.* aiokafka asks one whose id is None, which is not ready. A client of ours that administers topics
has no second attempt.

*Asking the controller.* aiokafka reads the id of None.

*Losing that connection.* aiokafka knows nobody to ask then, and never connects again.
"""

import asyncio
import logging
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import client as admin_client
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.consumer import consumer
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.producer import producer
from aiokafka.protocol.api import Request, Response

log = logging.getLogger(__name__)

BOOTSTRAP = ("bootstrap", ConnectionGroup.DEFAULT)
"""Where a client keeps the connection to its bootstrap server."""


def apply_patch() -> None:
    """Make all consumers, producers and admin clients of this process use `PatchedClient`."""
    consumer.AIOKafkaClient = PatchedClient
    producer.AIOKafkaClient = PatchedClient
    admin_client.AIOKafkaClient = PatchedClient


class PatchedClient(AIOKafkaClient):
    """aiokafka's client, for which a cluster without a broker is one that is not ready."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bootstrapping = asyncio.Lock()

    async def coordinator_lookup(self, coordinator_type: int, coordinator_key: str) -> int:
        """Ask for a coordinator.

        Raises:
            NodeNotReadyError: no broker is known; aiokafka's callers try again.
            KafkaError: the answer.
        """
        if self.get_random_node() is None:
            raise _no("broker")
        return await super().coordinator_lookup(coordinator_type, coordinator_key)

    async def send(
        self, node_id: int | None, request: Request, *, group: ConnectionGroup = ConnectionGroup.DEFAULT
    ) -> Response:
        """Send a request to a broker, to any if the id is None; returns the answer.

        Raises:
            NodeNotReadyError: no broker is known, or that one is not ready.
            KafkaError: it did not answer.
        """
        if node_id is None:
            await self.force_metadata_update()
            node_id = self.get_random_node()
        if node_id is None:
            raise _no("broker")
        return await super().send(node_id, request, group=group)

    async def _metadata_update(self, cluster_metadata: Any, topics: Any) -> bool:
        async with self._bootstrapping:  # two at once would each open a connection, and lose one of them
            if not self.cluster.brokers() and not self._is_bootstrapped():
                if (lost := self._conns.pop(BOOTSTRAP, None)) is not None:
                    lost.close()
                try:
                    await self.bootstrap()
                except KafkaError as error:  # raised, it would end the task that updates the metadata
                    log.debug("No bootstrap server answers: %s", error)
                    return False
        return await super()._metadata_update(cluster_metadata, topics)

    def _is_bootstrapped(self) -> bool:
        connection = self._conns.get(BOOTSTRAP)
        return connection is not None and connection.connected()


class PatchedAdminClient(AIOKafkaAdminClient):
    """aiokafka's admin client, for which a cluster without a controller is one that is not ready."""

    async def _send_to_controller(self, request: Request) -> Response:
        if self._client.cluster.controller is None:
            await self._client.force_metadata_update()
        if self._client.cluster.controller is None:
            raise _no("controller")
        return await super()._send_to_controller(request)


def _no(what: str) -> NodeNotReadyError:
    return NodeNotReadyError(f"the cluster names no {what} at present")
