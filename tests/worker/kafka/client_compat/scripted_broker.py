"""A broker whose answers a test scripts, so that a fault takes milliseconds and comes at the same point every time.

It speaks Kafka's protocol over TCP with aiokafka's own request and response classes. Unscripted requests succeed: one
broker, one topic that always exists, empty partitions, transactions that commit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable
from io import BytesIO
from struct import pack
from typing import Any

from aiokafka.protocol.api import Request
from triage_worker.kafka.client_compat.fetch import FOLLOWER_VERSION

Answer = Callable[[Any], Any]
"""Makes the fields of a response from a request; may be a coroutine function."""

TOPIC = "topic"
PARTITIONS = 2
NODE = 1
NONE = -1
"""In place of the controller, where there is none."""

HEADER = 8
"""Bytes of API key, API version and correlation id, before the client id."""


class ScriptedBroker:
    """Answers requests by their names, such as "ProduceRequest".

    Attributes:
        port: where it listens.
        requests: what was asked so far, as names and requests.
        script: answers that differ from the usual ones.
        named: whether metadata name this broker, and a controller; while it is fenced, they name none.
        others: brokers that the metadata name besides.
    """

    def __init__(self, **script: Answer) -> None:
        self.port = 0
        self.requests: list[tuple[str, Any]] = []
        self.script: dict[str, Answer] = {**USUAL, **script}
        self.named = True
        self.others: list[ScriptedBroker] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """The bootstrap servers of a client."""
        return f"127.0.0.1:{self.port}"

    def asked(self, name: str) -> list[Any]:
        """The requests of one name, in order."""
        return [request for asked, request in self.requests if asked == name]

    async def wait_for_requests(self, name: str, times: int = 1) -> list[Any]:
        """Wait for requests of one name."""
        await eventually(lambda: len(self.asked(name)) >= times)
        return self.asked(name)

    async def start(self, port: int = 0) -> None:
        """Listen on a port, by default a free one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def hang_up(self) -> None:
        """Close all connections and accept no more."""
        assert self._server is not None
        self._server.close()
        await self.disconnect()

    async def disconnect(self) -> None:
        """Close all connections, and accept new ones."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests in their order, as a broker does, until it closes."""
        try:
            while True:
                data = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
                writer.write(await self._answer(data))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, data: bytes) -> bytes:
        asked = (int.from_bytes(data[:2]), int.from_bytes(data[2:4]))
        api, struct = next(
            (api, one) for api in _apis() for one in api._CLASSES if asked == (one.API_KEY, one.API_VERSION)
        )
        client = int.from_bytes(data[HEADER : HEADER + 2])
        tags = int(struct.FLEXIBLE_VERSION)
        request = struct.decode(BytesIO(data[HEADER + 2 + client + tags :]))
        self.requests.append((api.__name__, request))
        answer: Answer = self.script.get(api.__name__, self._versions)
        fields = answer(request)
        fields = await fields if isawaitable(fields) else fields
        response: Any = struct.RESPONSE_TYPE(*self._located(api.__name__, fields))
        body: bytes = data[4:8] + bytes(tags) + response.encode()
        return len(body).to_bytes(4) + body

    def _located(self, name: str, fields: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put this broker's address into the answers that have one."""
        if name == "MetadataRequest" and not self.named:
            return (fields[0], [], fields[1], NONE, *fields[3:])
        if name == "MetadataRequest":
            ports = sorted((self.port, *(other.port for other in self.others)))  # all give a broker the same id
            return (
                fields[0],
                [(NODE + place, "127.0.0.1", port, None) for place, port in enumerate(ports)],
                *fields[1:],
            )
        return (*fields, "127.0.0.1", self.port) if name == "FindCoordinatorRequest" else fields

    def _versions(self, _: Any) -> tuple[Any, ...]:
        """One version of each request: the newest without tagged fields, and what the script answers besides."""
        newest = {api.API_KEY: plain[-1].API_VERSION for api in _apis() if (plain := _plain(api))}
        ranges = {key: (version, version) for key, version in newest.items()}
        for api in _apis():
            if api.__name__ in self.script and not _plain(api):
                version = api._CLASSES[-1].API_VERSION
                ranges[api.API_KEY] = (ranges.get(api.API_KEY, (version,))[0], version)
        return 0, [(key, *versions) for key, versions in ranges.items()]


@asynccontextmanager
async def scripted_broker(**script: Answer) -> AsyncIterator[ScriptedBroker]:
    """Run a broker with some answers scripted."""
    broker = ScriptedBroker(**script)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.hang_up()


def produced(error: int = 0, *, once: bool = False) -> Answer:
    """The answer to a produce request, with an error code for all partitions, always or only the first time."""
    left = [error] if once else []

    def answer(request: Any) -> tuple[Any, ...]:
        code = (left.pop() if left else 0) if once else error
        topics = [
            (topic, [(partition, code, -1 if code else 0, -1, 0) for partition, _ in partitions])
            for topic, partitions in request.topics
        ]
        return topics, 0

    return answer


def added(error: int = 0) -> Answer:
    """The answer to a request that adds partitions or offsets to a transaction, with an error code for all."""

    def answer(request: Any) -> tuple[Any, ...]:
        return 0, [
            (topic, [(one if isinstance(one, int) else one[0], error) for one in partitions])
            for topic, partitions in request.topics
        ]

    return answer


def all_assigned(_: Any) -> tuple[Any, ...]:
    """The answer to a request that synchronizes a group: all partitions are this member's."""
    topic = TOPIC.encode()
    numbers = b"".join(pack(">i", number) for number in range(PARTITIONS))
    return 0, 0, pack(">hih", 0, 1, len(topic)) + topic + pack(">i", PARTITIONS) + numbers + pack(">i", 0)


async def eventually(condition: Callable[[], object], timeout_s: float = 10) -> None:
    """Wait for a condition that nothing announces."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def never(_: Any) -> tuple[Any, ...]:
    """The answer of a broker that hangs."""
    await asyncio.Event().wait()
    raise AssertionError


def _apis() -> list[Any]:
    """All requests that are defined by now, ours included; two may ask for the same with different versions."""
    return Request.__subclasses__()


def _plain(api: Any) -> list[Any]:
    return [one for one in api._CLASSES if not one.FLEXIBLE_VERSION]


def _metadata(_: Any) -> tuple[Any, ...]:
    partitions: list[Any] = [(0, number, NODE, [NODE], [NODE], []) for number in range(PARTITIONS)]
    return 0, "cluster", NODE, [(0, TOPIC, False, partitions)]


def _offsets(request: Any) -> tuple[Any, ...]:
    return 0, [(topic, [(partition, 0, -1, 0) for partition, _ in parts]) for topic, parts in request.topics]


async def _fetched(request: Any) -> tuple[Any, ...]:
    await asyncio.sleep(0.01)
    preferred = (-1,) if request.API_VERSION >= FOLLOWER_VERSION else ()
    return (
        0,
        0,
        0,
        [
            (topic, [(parts[0], 0, 0, 0, 0, [], *preferred, b"") for parts in partitions])
            for topic, partitions in request.topics
        ],
    )


USUAL: dict[str, Answer] = {
    "MetadataRequest": _metadata,
    "FindCoordinatorRequest": lambda _: (0, 0, None, NODE),
    "InitProducerIdRequest": lambda _: (0, 0, 7, 0),
    "AddPartitionsToTxnRequest": added(),
    "AddOffsetsToTxnRequest": lambda _: (0, 0),
    "TxnOffsetCommitRequest": added(),
    "EndTxnRequest": lambda _: (0, 0),
    "ProduceRequest": produced(),
    "OffsetRequest": _offsets,
    "FetchRequest": _fetched,
    "JoinGroupRequest": lambda request: (0, 0, 1, "roundrobin", "me", "me", []),
    "SyncGroupRequest": lambda _: (0, 0, b""),
    "HeartbeatRequest": lambda _: (0, 0),
    "LeaveGroupRequest": lambda _: (0, 0),
    "OffsetFetchRequest": lambda request: (
        0,
        [(topic, [(number, -1, "", 0) for number in numbers]) for topic, numbers in request.topics],
        0,
    ),
    "OffsetCommitRequest": added(),
}
