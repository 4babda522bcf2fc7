"""Answers the probes: whether the event loop advances, and whether messages can be answered."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic

from triage_worker.kafka.client_compat.broker_errors import BrokerErrorLog
from triage_worker.kafka.tokens.providers import login_problem
from triage_worker.streaming.wiring import ServiceComponents

NOT_READY_AFTER_S = 10.0
"""Without an answer from the broker, or with an output that it does not take, for this long, a service is not ready."""

STUCK_AFTER_S = 300.0
"""A loop that has not polled, or a batch that has run, for this long will not recover."""


class Readiness:
    """The state that the probes ask for, from before the components exist until the service stops.

    Args:
        stop: set when the service stops.
        broker_errors: explains why the broker takes no output.
        waits_for: says what the start waits for, if it is known.
    """

    def __init__(
        self,
        stop: asyncio.Event,
        broker_errors: BrokerErrorLog,
        waits_for: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._stop = stop
        self._broker_errors = broker_errors
        self._waits_for = waits_for
        self.components: ServiceComponents | None = None

    def not_alive(self) -> str | None:
        """What is wrong with the loop; an unreachable broker, or a model that is loading, is not."""
        if self.components is None:
            return None
        polled_s = monotonic() - self.components.consumer.polled_at
        if self.components.consumer.assigned and polled_s > STUCK_AFTER_S:
            return f"the consumer has not polled for {polled_s:.0f} s"
        run_s = self.components.processor.longest_run_s
        return f"a batch or call has been running for {run_s:.0f} s" if run_s > STUCK_AFTER_S else None

    def not_ready(self) -> str | None:
        """Why messages cannot be answered at present; None if they can."""
        if self.components is None:
            why = self._waits_for()
            return "starting" if why is None else f"starting: {why}"
        return next(self._problems(self.components), None)

    def _problems(self, components: ServiceComponents) -> Iterator[str]:
        if self._stop.is_set():
            yield "stopping"
        consumer, delivery = components.consumer, components.delivery
        if consumer.problem is not None or not consumer.assigned:
            yield f"{consumer.problem or 'no partitions assigned yet'}{_joined(_no_login(components))}"
        if components.processor.down is not None:
            yield components.processor.down
        if delivery.shortage is not None:
            yield delivery.shortage
        waiting_s = delivery.waiting_s
        if waiting_s > NOT_READY_AFTER_S:
            why = _joined(delivery.problem, self._broker_errors.within(waiting_s), _no_login(components))
            yield f"the broker has not taken an output for {waiting_s:.0f} s{why}"
        if components.lag.silent_s > NOT_READY_AFTER_S:
            yield f"the broker has not answered for {components.lag.silent_s:.0f} s{_joined(_no_login(components))}"


def _no_login(components: ServiceComponents) -> str | None:
    """Why this process is refused, or reaches no broker."""
    return login_problem() or components.diagnosis.problem


def _joined(*reasons: str | None) -> str:
    """The reasons that are known, after a colon."""
    why = "; ".join(filter(None, reasons))
    return f": {why}" if why else ""
