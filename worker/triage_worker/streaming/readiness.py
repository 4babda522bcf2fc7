"""How a worker is: whether its loop advances, and whether it can answer messages."""

import asyncio
from collections.abc import Iterator
from time import monotonic

from triage_worker.kafka.client_compat.broker_errors import BrokerErrorLog
from triage_worker.streaming.wiring import Parts

SILENCE_S = 10.0
"""Without an answer from the broker, or with an output not taken by it, for this long, the worker is not ready."""

STUCK_S = 300.0
"""A loop that has not turned, or a batch that has run, for this long will not come back."""


class Status:
    """What the probes ask, from before there are any parts to when the worker stops."""

    def __init__(self, stop: asyncio.Event, broker_errors: BrokerErrorLog) -> None:
        self._stop = stop
        self._broker_errors = broker_errors
        self.parts: Parts | None = None

    def not_alive(self) -> str | None:
        """What is wrong with the loop; a broker that is away, or a model still loading, is nothing wrong with it."""
        if self.parts is None:
            return None
        turned_s = monotonic() - self.parts.consumer.turned_at
        if self.parts.consumer.assigned and turned_s > STUCK_S:
            return f"the loop has not turned for {turned_s:.0f} s"
        run_s = self.parts.station.longest_run_s
        return f"a batch or call has been running for {run_s:.0f} s" if run_s > STUCK_S else None

    def not_ready(self) -> str | None:
        """What keeps messages from being answered."""
        if self.parts is None:
            return "starting"
        return next(self._hindrances(self.parts), None)

    def _hindrances(self, parts: Parts) -> Iterator[str]:
        if self._stop.is_set():
            yield "stopping"
        if parts.consumer.problem is not None or not parts.consumer.assigned:
            yield parts.consumer.problem or "no partitions assigned yet"
        if parts.station.down is not None:
            yield parts.station.down
        waiting_s = parts.delivery.waiting_s
        if waiting_s > SILENCE_S:
            why = "; ".join(filter(None, (parts.delivery.problem, self._broker_errors.within(waiting_s))))
            yield f"the broker has not taken an output for {waiting_s:.0f} s{': ' if why else ''}{why}"
        if parts.lag.silent_s > SILENCE_S:
            yield f"the broker has not answered for {parts.lag.silent_s:.0f} s"
