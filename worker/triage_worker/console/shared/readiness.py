"""Whether the console works, and shows what is on the topics now."""

import asyncio
from collections.abc import Sequence

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

    def warning(self) -> str | None:
        """What pages say about the state; None if it is up to date."""
        down = next((reader.down for reader in self._readers if reader.down), None)
        if down is not None:
            return f"These pages show what was known before: {down}."
        if not all(reader.caught_up for reader in self._readers):
            return "The topics are still being read: numbers grow until that is done."
        return None
