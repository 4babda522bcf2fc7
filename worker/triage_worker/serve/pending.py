"""Requests that wait for their results, and the texts of each."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from triage_worker.inference.incoming_message import IncomingMessage
from triage_worker.serve.metrics import ServeMetrics


class PendingRequest:
    """Collects the results of one request, on the event loop.

    Args:
        texts: how many results there will be.
        metrics: where waiting is timed.
    """

    def __init__(self, texts: int, metrics: ServeMetrics) -> None:
        self.metrics = metrics
        self.results: list[bytes | None] = [None] * texts
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._missing = texts

    def set(self, position: int, result: bytes) -> None:
        """Set one result; the last one completes the request."""
        self.results[position] = result
        self._missing -= 1
        if self._missing == 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False, kw_only=True)
class PendingText(IncomingMessage):
    """A text with the way back for its result.

    Attributes:
        request: that it belongs to.
        position: among the texts of the request.
        arrived: seconds of the monotonic clock.
    """

    request: PendingRequest
    position: int
    arrived: float = field(default_factory=monotonic)

    @property
    def active(self) -> bool:
        """Whether somebody still waits for the result."""
        return not self.request.done.done()

    def begin(self, batch_messages: int) -> None:
        """Time how long the text has waited."""
        self.request.metrics.waited(monotonic() - self.arrived)
        IncomingMessage.begin(self, batch_messages)  # super() does not work in a dataclass with slots
