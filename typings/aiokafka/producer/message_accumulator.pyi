from asyncio import Future
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..structs import RecordMetadata, TopicPartition

class BatchBuilder:
    _builder: Any
    _relative_offset: int
    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = [],
    ) -> Any: ...
    def close(self) -> None: ...
    def record_count(self) -> int: ...

class MessageBatch:
    future: Future[RecordMetadata]
    @property
    def tp(self) -> TopicPartition: ...
    def failure(self, exception: BaseException) -> None: ...

class MessageAccumulator:
    _batches: dict[TopicPartition, deque[MessageBatch]]
    _pending_batches: set[MessageBatch]
    def fail_all(self, exception: BaseException) -> None: ...
