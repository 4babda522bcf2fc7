"""The contract of a message processor: records in, outputs out."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from triage_worker.streaming.tracking.in_flight import TrackedRecords


class MessageProcessor(ABC):
    """Answers messages. Each service has one.

    Its outputs go to `InFlightMessages.complete`, from where the delivery takes them.
    """

    @abstractmethod
    def start(self) -> "asyncio.Future[None]":
        """Start working; the future ends when a part of the processor fails."""

    @abstractmethod
    def close(self) -> None:
        """Stop all work."""

    @abstractmethod
    async def process(self, batch: Sequence[TrackedRecords]) -> None:
        """Take in records; returns when they are queued, not when they are answered."""

    @abstractmethod
    def pause(self) -> None:
        """Drop what is queued and start nothing until `resume`; what is running continues."""

    @abstractmethod
    def resume(self) -> None:
        """Continue after `pause`."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Whether nothing is running."""

    @property
    @abstractmethod
    def longest_run_s(self) -> float:
        """How many seconds the oldest unit of work has been running."""

    @property
    @abstractmethod
    def down(self) -> str | None:
        """Why no message can be answered at present; None if messages can be answered."""
