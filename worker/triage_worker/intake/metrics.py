"""Prometheus metrics of the intake, besides those of requests and of what it reads. Names of sources are bounded."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from triage_worker.web.metrics import REQUEST_S, HttpMetrics


class IntakeMetrics(HttpMetrics):
    """Counts messages by source."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._received = Counter(
            "triage_intake_messages",
            "Messages that Kafka has taken, and what was none: written, ignored.",
            ["source", "outcome"],
            registry=registry,
        )
        self._write = Histogram(
            "triage_intake_write_seconds",
            "From a message being handed to the producer until Kafka has it.",
            buckets=REQUEST_S,
            registry=registry,
        )
        self._mailbox = Gauge(
            "triage_intake_mailbox_up", "1 while a mailbox can be read.", ["source"], registry=registry
        )
        self._keys = Gauge("triage_intake_keys", "Keys of messages that are remembered.", registry=registry)

    def received(self, source: str, written: int, ignored: int) -> None:
        """Count what came from a source."""
        self._received.labels(source, "written").inc(written)
        self._received.labels(source, "ignored").inc(ignored)

    def wrote(self, seconds: float) -> None:
        """Time a write."""
        self._write.observe(seconds)

    def mailbox(self, source: str, *, up: bool) -> None:
        """Note whether a mailbox can be read."""
        self._mailbox.labels(source).set(up)

    def watch_keys(self, keys: Callable[[], int]) -> None:
        """Set the function that is asked for the number of keys whenever the metrics are read."""
        self._keys.set_function(keys)
