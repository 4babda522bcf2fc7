from collections.abc import Callable
from typing import Any

from ..client import AIOKafkaClient
from ..record.memory_records import _MemoryRecordsPy

class Fetcher:
    _client: AIOKafkaClient
    def __init__(self, client: AIOKafkaClient, subscriptions: Any, **arguments: Any) -> None: ...
    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool: ...
    async def _proc_offset_request(self, node_id: int, topic_data: Any) -> Any: ...
    def _get_actions_per_node(self, assignment: Any) -> tuple[Any, Any, float, bool, Any]: ...

# A class; client_compat puts a function in its place.
MemoryRecords: Callable[[bytes], _MemoryRecordsPy]
