"""Whether the console works, and shows what is on the topics now."""

import asyncio
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from triage_worker.console.state.reader import StateReader


class ConsoleReadiness:
    """What the probes ask for, and the sentence that pages show when they are behind.

    Args:
        stop: set when the service stops.
        readers: of the topics.
    """

    def __init__(self, stop: asyncio.Event, readers: Sequence[StateReader]) -> None:
        self._stop = stop
        self._readers = readers

    def not_alive(self) -> str | None:
        """What is wrong that only a restart can mend."""
        return None

    def not_ready(self) -> str | None:
        """Why requests cannot be answered at present. Pages are shown while no broker answers: they say so."""
        return "stopping" if self._stop.is_set() else None

    @property
    def down(self) -> str | None:
        """Why the topics are not followed at present; None if they are."""
        return next((reader.down for reader in self._readers if reader.down), None)

    def export(self, registry: CollectorRegistry) -> None:
        """Export whether the topics are followed as a metric."""
        gauge = Gauge(
            "triage_console_follows", "1 while what is on the topics is added to the pages.", registry=registry
        )
        gauge.set_function(lambda: float(self.down is None))

    def warning(self) -> str | None:
        """What pages say about the state; None if it is up to date."""
        down = self.down
        if down is not None:
            return f"These pages show what was known before: {down}."
        if not all(reader.caught_up for reader in self._readers):
            return "The topics are still being read: numbers grow until that is done."
        return None
