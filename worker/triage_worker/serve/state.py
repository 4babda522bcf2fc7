"""Whether the service works, and can answer."""

import asyncio

from triage_worker.serve.text_classifier import TextClassifier

STUCK_AFTER_S = 300.0
"""A batch that has run for this long will not end."""


class ServiceState:
    """What the probes ask for, from before the model is loaded until the service stops.

    Args:
        stop: set when the service stops.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.classifier: TextClassifier | None = None

    def not_alive(self) -> str | None:
        """What is wrong that only a restart can mend."""
        run_s = 0.0 if self.classifier is None else self.classifier.inference.longest_run_s
        return f"a batch has been running for {run_s:.0f} s" if run_s > STUCK_AFTER_S else None

    def not_ready(self) -> str | None:
        """Why requests cannot be answered at present; None if they can."""
        if self._stop.is_set():
            return "stopping"
        return "starting" if self.classifier is None else self.classifier.inference.down
