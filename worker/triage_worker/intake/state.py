"""Whether the intake works, and can take webhooks."""

import asyncio

from triage_worker.intake.writer import RecordWriter
from triage_worker.streaming.readiness import Readiness


class IntakeState:
    """What the probes ask for.

    Webhooks are taken while Kafka takes records, whatever becomes of the second step: its delay loses nothing.

    Args:
        stop: set when the service stops.
        writer: writes records; its problem is that of the service.
        second_step: what is known of the second step.
    """

    def __init__(self, stop: asyncio.Event, writer: RecordWriter, second_step: Readiness) -> None:
        self._stop = stop
        self._writer = writer
        self._second_step = second_step

    def not_alive(self) -> str | None:
        """What is wrong that only a restart can mend."""
        return self._second_step.not_alive()

    def not_ready(self) -> str | None:
        """Why webhooks cannot be taken at present; None if they can."""
        if self._stop.is_set():
            return "stopping"
        return self._writer.problem
