from asyncio import Future
from typing import Any

from ..client import AIOKafkaClient
from ..protocol.api import Request, Response
from ..structs import OffsetAndMetadata, TopicPartition

class BaseCoordinator:
    _client: AIOKafkaClient
    _cluster: Any
    _subscription: Any
    def __init__(self, client: AIOKafkaClient, subscription: Any, **arguments: Any) -> None: ...

class NoGroupCoordinator(BaseCoordinator):
    def check_errors(self) -> None: ...

class GroupCoordinator(BaseCoordinator):
    group_id: str
    coordinator_id: int | None
    member_id: str
    _group_instance_id: str | None
    _closing: Future[None]
    _rebalance_timeout_ms: int
    _retry_backoff_ms: int
    def __init__(self, client: AIOKafkaClient, subscription: Any, **arguments: Any) -> None: ...
    def check_errors(self) -> None: ...
    async def _send_req(self, request: Request) -> Response: ...
    async def close(self) -> None: ...
    def reset_generation(self) -> None: ...
    def coordinator_dead(self) -> None: ...
    async def fetch_committed_offsets(
        self, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]: ...
