from collections.abc import Callable
from typing import Any

from ..record.memory_records import _MemoryRecordsPy

class Fetcher:
    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool: ...

# A class; client_compat puts a function in its place.
MemoryRecords: Callable[[bytes], _MemoryRecordsPy]
