from asyncio import Future
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from .conn import AIOKafkaConnection
from .protocol.api import Request, Response
from .protocol.metadata import MetadataRequest as _MetadataRequest

MetadataRequest: type[_MetadataRequest]

class ConnectionGroup(IntEnum):
    DEFAULT = 0
    COORDINATION = 1

class CoordinationType(IntEnum):
    GROUP = 0
    TRANSACTION = 1

class AIOKafkaClient:
    cluster: Any
    _request_timeout_ms: int
    _retry_backoff: float
    _md_update_fut: Future[bool] | None
    _topics: set[str]
    _conns: dict[Any, AIOKafkaConnection]
    def __init__(self, **arguments: Any) -> None: ...
    def add_topic(self, topic: str) -> Future[bool]: ...
    def set_topics(self, topics: Iterable[str]) -> Future[bool]: ...
    def force_metadata_update(self) -> Future[bool]: ...
    async def bootstrap(self) -> None: ...
    async def fetch_all_metadata(self) -> Any: ...
    async def close(self) -> None: ...
    async def ready(self, node_id: int, *, group: ConnectionGroup = ...) -> bool: ...
    async def send(self, node_id: int, request: Request, *, group: ConnectionGroup = ...) -> Response: ...
    async def _get_conn(
        self, node_id: int, *, group: ConnectionGroup = ..., no_hint: bool = False
    ) -> AIOKafkaConnection | None: ...
    async def _wait_on_metadata(self, topic: str) -> set[int]: ...
