"""Opens single connections to a broker, so that the cause of a failure is known."""

from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest


def addresses(bootstrap_servers: str) -> list[tuple[str, int]]:
    """Parse a list of bootstrap servers into hosts and ports, in random order."""
    return [(host, port) for host, port, _ in collect_hosts(bootstrap_servers)]


async def connect(host: str, port: int, *, timeout_ms: int) -> None:
    """Connect to a broker and disconnect.

    Raises:
        OSError, KafkaError, TimeoutError: the broker does not accept connections.
    """
    connection = await create_conn(host, port, request_timeout_ms=timeout_ms)
    connection.close()


async def log_in(host: str, port: int, *, timeout_ms: int, **arguments: Any) -> None:
    """Connect to a broker with aiokafka's security arguments and get one answer.

    Raises:
        OSError, KafkaError, TimeoutError: what went wrong, just as aiokafka raises it.
    """
    connection = await create_conn(host, port, request_timeout_ms=timeout_ms, **arguments)
    try:
        await connection.send(MetadataRequest([]))  # a broker that requires a login disconnects only here
    finally:
        connection.close()
