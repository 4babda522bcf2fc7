"""Keeps a connection to each of several brokers, so that one that hangs holds up none of the others.

aiokafka's client asks one broker after the other, waits for each until the request times out, and opens one connection
at a time.
"""

from collections.abc import Collection
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.metadata import MetadataRequest

Address = tuple[str, int]
"""Host and port."""


class BrokerConnections:
    """Asks brokers which ones there are.

    Args:
        arguments: of security, as all aiokafka clients take them.
        timeout_ms: how long connecting or an answer may take.
    """

    def __init__(self, arguments: dict[str, Any], timeout_ms: int) -> None:
        self._arguments = arguments | {"request_timeout_ms": timeout_ms}
        self._open: dict[Address, AIOKafkaConnection] = {}

    async def ask(self, address: Address) -> set[Address]:
        """Return the brokers that one names; a broker that is cut off from the cluster may name none.

        The connection is kept unless this fails. Ask a broker once at a time.

        Raises:
            OSError, KafkaError, TimeoutError: it cannot be connected or logged in to, or does not answer.
        """
        connection = self._open.pop(address, None)
        if connection is not None and not connection.connected():
            connection.close()
            connection = None
        if connection is None:
            connection = await create_conn(*address, **self._arguments)
        try:
            response: Any = await connection.send(MetadataRequest([]))
        except BaseException:
            connection.close()
            raise
        self._open[address] = connection
        return {(host, port) for _, host, port, *_ in response.brokers}

    def keep(self, addresses: Collection[Address]) -> None:
        """Close the connections to other brokers, unless they wait for an answer: the one who waits closes those."""
        for address in self._open.keys() - set(addresses):
            self._open.pop(address).close()
