"""Holds records back until the schemas that they were written with are there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from aiokafka.structs import ConsumerRecord
from triage_schemas.input.registry.frames import Frame, SchemaId

from triage_worker.kafka.schema_cache import SchemaCache
from triage_worker.streaming.tracking.in_flight import TrackedRecords

Batch = Sequence[TrackedRecords]

SLOW_AFTER_S = 3.0
"""Records that wait for longer make the worker not ready, even if the registry has not failed yet."""


class SchemaGate:
    """Lets records pass in the order in which they came. How many can wait is limited by what may be in flight.

    Args:
        schemas: are loaded as records need them.
        frame_of: returns the frame of a record that is read by a schema of the registry; None for any other.
        admit: takes records whose schemas are there.
    """

    def __init__(
        self,
        schemas: SchemaCache,
        frame_of: Callable[[ConsumerRecord], Frame | None],
        admit: Callable[[Batch], Awaitable[None]],
    ) -> None:
        self._schemas = schemas
        self._frame_of = frame_of
        self._admit = admit
        self._waiting: deque[Batch] = deque()
        self._arrival = asyncio.Event()
        self._since: float | None = None

    @property
    def down(self) -> str | None:
        """Why records wait; None if none do, or not for long."""
        if self._since is None:
            return None
        slow = "records wait for their schema" if monotonic() - self._since > SLOW_AFTER_S else None
        return self._schemas.problem or slow

    async def process(self, batch: Batch) -> None:
        """Admit records, or hold them back behind those that wait."""
        if not self._waiting and not self._missing(batch):
            await self._admit(batch)
            return
        self._waiting.append(batch)
        self._arrival.set()

    def drop(self) -> None:
        """Forget what waits: its partitions were revoked."""
        self._waiting.clear()
        self._since = None

    async def run(self) -> None:
        """Load schemas and admit what waits for them, until cancelled."""
        while True:
            while self._waiting:
                await self._pass(self._waiting[0])
            self._since = None
            self._arrival.clear()
            await self._arrival.wait()

    async def _pass(self, batch: Batch) -> None:
        self._since = monotonic()
        await self._schemas.load(self._missing(batch))
        if self._waiting and self._waiting[0] is batch:  # else it was dropped meanwhile
            await self._admit(batch)
        if self._waiting and self._waiting[0] is batch:
            self._waiting.popleft()

    def _missing(self, batch: Batch) -> set[SchemaId]:
        frames = (self._frame_of(record) for _, records in batch for record in records)
        named = {frame.schema_id for frame in frames if frame is not None}
        return {schema_id for schema_id in named if self._schemas.lacks(schema_id)}
