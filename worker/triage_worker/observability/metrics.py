"""Prometheus metrics of the services. Label values are bounded: intents, reasons, codes, assigned partitions."""

from collections.abc import Callable, Mapping
from time import time

from prometheus_client import Counter, Gauge, Histogram

from triage_worker.observability.registry import ModelInfo, process_registry
from triage_worker.observability.topic_metrics import TopicMetrics

Partition = tuple[str, int]
"""A topic, and the number of its partition; aiokafka's `TopicPartition` is one."""

LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The metrics of one service, in a registry of their own, so that two services in a process do not mix."""

    def __init__(self) -> None:
        self.registry = registry = process_registry()
        self._model = ModelInfo(
            "triage_model_info", "The bundle that decides, by the languages that it serves.", registry, "serves"
        )
        self._reference_acceptance = Gauge(
            "triage_reference_acceptance_ratio",
            "Of the calibration rows that have an intent, the share that the bundle accepts.",
            ["serves"],
            registry=registry,
        )
        self._reference_intent = Gauge(
            "triage_reference_intent_ratio",
            "Each intent's share of the rows that the bundle was trained on.",
            ["label", "serves"],
            registry=registry,
        )
        self._reference_labels: dict[str, frozenset[str]] = {}
        self._decided = Counter(
            "triage_messages_decided",
            "Messages that a bundle decided on, by the languages that it serves and by outcome.",
            ["serves", "outcome"],
            registry=registry,
        )
        self._remembered = Counter(
            "triage_decisions_remembered",
            "Messages decided without inference, as their text had come before, by the languages of the bundle.",
            ["serves"],
            registry=registry,
        )
        self._threshold: Gauge | None = None
        self._read = Counter("triage_messages_read", "Messages read.", registry=registry)
        self._returned = Counter(
            "triage_messages_given_back",
            "Messages unfinished when their partition was revoked; its next owner reads them again.",
            registry=registry,
        )
        self._answered = Counter(
            "triage_messages_answered",
            "Messages whose output the broker has, by outcome and by intent, reason or dead-letter code.",
            ["outcome", "label"],
            registry=registry,
        )
        self._answered_by: dict[tuple[str, str], Counter] = {}
        self._latency = Histogram(
            "triage_latency_seconds",
            "From a message's timestamp to the acknowledgement of its output.",
            buckets=LATENCY_S,
            registry=registry,
        )
        self._batch_messages = Histogram(
            "triage_batch_messages",
            "Messages in a batch.",
            buckets=[2**power for power in range(11)],
            registry=registry,
        )
        self._batch_tokens = Histogram(
            "triage_batch_tokens",
            "Padded tokens in a batch.",
            buckets=[2**power for power in range(4, 16)],
            registry=registry,
        )
        self._stage = Histogram(
            "triage_stage_seconds",
            "Duration of one call of a stage: decode, tokenize, infer, commit.",
            ["stage"],
            buckets=STAGE_S,
            registry=registry,
        )
        self._rebalance = Histogram(
            "triage_rebalance_seconds",
            "From partitions being revoked to the next assignment.",
            buckets=LATENCY_S,
            registry=registry,
        )
        self._transactions = Counter(
            "triage_transactions", "Transactions by result: committed, aborted, fenced.", ["result"], registry=registry
        )
        self._lag = Gauge(
            "triage_lag_messages", "Messages not yet answered, by partition.", ["topic", "partition"], registry=registry
        )
        self._lag_s = Gauge(
            "triage_lag_seconds",
            "Age of the oldest message not yet answered.",
            ["topic", "partition"],
            registry=registry,
        )
        self._unreadable = Gauge(
            "triage_lag_unreadable_messages",
            "Offsets behind another producer's open transaction, which cannot be read until it ends.",
            ["topic", "partition"],
            registry=registry,
        )
        self._languages = Counter(
            "triage_messages_language",
            "Messages to classify by language: ISO 639-1 code, other, unknown.",
            ["language"],
            registry=registry,
        )
        self._in_flight = Gauge("triage_in_flight_messages", "Messages read and not yet answered.", registry=registry)
        self._topics = TopicMetrics(registry)
        self._in_flight_bytes = Gauge("triage_in_flight_bytes", "The size of their keys and values.", registry=registry)

    def languages(self, counts: Mapping[str, int]) -> None:
        """Count messages by language; the names must be a bounded set."""
        for language, messages in counts.items():
            self._languages.labels(language).inc(messages)

    def watch(
        self,
        in_flight: Callable[[], int],
        in_flight_bytes: Callable[[], int],
        in_flight_by_topic: Callable[[], Mapping[str, int]],
    ) -> None:
        """Set the functions that are asked for what is in flight whenever the metrics are read."""
        self._in_flight.set_function(in_flight)
        self._in_flight_bytes.set_function(in_flight_bytes)
        self._topics.watch(in_flight_by_topic)

    def model(self, name: str, version: str, device: str, serves: str = "*") -> None:
        """Set the model that decides on messages in these languages."""
        self._model.set(name, version, device, serves)

    def reference(self, acceptance: float, intents: Mapping[str, float], serves: str = "*") -> None:
        """Set what drift is measured against in these languages, as shares from 0 to 1."""
        self._reference_acceptance.labels(serves).set(acceptance)
        for label in self._reference_labels.get(serves, frozenset()) - set(intents):
            self._reference_intent.remove(label, serves)
        self._reference_labels[serves] = frozenset(intents)
        for label, share in intents.items():
            self._reference_intent.labels(label, serves).set(share)

    def decided(self, serves: str, outcomes: Mapping[str, int]) -> None:
        """Count messages that the bundle for these languages has decided on."""
        for outcome, messages in outcomes.items():
            self._decided.labels(serves, outcome).inc(messages)

    def remembered(self, serves: str, messages: int) -> None:
        """Count messages that the bundle for these languages decided on without inference."""
        self._remembered.labels(serves).inc(messages)

    def threshold(self, read: Callable[[], tuple[float, int]], followed: Callable[[], bool], serves: str = "*") -> None:
        """Set what is asked about the threshold whenever the metrics are read, where an audit may move it.

        Args:
            read: returns the threshold in force and its version.
            followed: whether the control topic is followed; if not, the last threshold holds.
            serves: the languages of the bundle whose threshold it is.
        """
        if self._threshold is None:
            self._threshold = Gauge(
                "triage_threshold",
                "The minimum confidence in force of an accepted intent.",
                ["serves"],
                registry=self.registry,
            )
            self._threshold_version = Gauge(
                "triage_threshold_version",
                "Version of the threshold in force, as an audit decided it; 0: the bundle's own.",
                ["serves"],
                registry=self.registry,
            )
            self._followed = Gauge(
                "triage_control_topic_followed",
                "1: the control topic is followed, or there is none yet; 0: it is lost, and the last threshold holds.",
                registry=self.registry,
            )
        self._followed.set_function(lambda: float(followed()))
        self._threshold.labels(serves).set_function(lambda: read()[0])
        self._threshold_version.labels(serves).set_function(lambda: read()[1])

    def expect(self, outcome: str, label: str) -> None:
        """Create a series at zero, for an alert: Prometheus sees no increase in a series that starts at 1."""
        self._answered.labels(outcome, label)

    def read(self, topic: str, messages: int) -> None:
        """Count messages read."""
        self._read.inc(messages)
        self._topics.read(topic, messages)

    def returned(self, topic: str, messages: int) -> None:
        """Count messages whose partition was revoked before they were answered."""
        self._returned.inc(messages)
        self._topics.returned(topic, messages)

    def answered(self, topic: str, outcome: str, label: str, timestamp_ms: int) -> None:
        """Count a message whose output the broker has.

        Args:
            topic: that it was read from.
            outcome: such as ``accepted``.
            label: the intent, reason or dead-letter code.
            timestamp_ms: of the message, in milliseconds since the epoch; negative where it has none.
        """
        counter = self._answered_by.get((outcome, label))
        if counter is None:  # to find it by its labels takes longer than to count
            counter = self._answered_by[outcome, label] = self._answered.labels(outcome, label)
        counter.inc()
        self._topics.answered(topic, outcome)
        if timestamp_ms >= 0:
            self._latency.observe(max(0.0, time() - timestamp_ms / 1000))

    def batch(self, *, messages: int, tokens: int, seconds: float) -> None:
        """Count a batch that ran; ``tokens`` with padding."""
        self._batch_messages.observe(messages)
        self._batch_tokens.observe(tokens)
        self.stage("infer", seconds)

    def stage(self, name: str, seconds: float) -> None:
        """Time one call of a stage."""
        self._stage.labels(name).observe(seconds)

    def rebalanced(self, seconds: float) -> None:
        """Time a rebalance."""
        self._rebalance.observe(seconds)

    def transaction(self, result: str) -> None:
        """Count a transaction's end."""
        self._transactions.labels(result).inc()

    def lag(self, partition: Partition, messages: int, seconds: float) -> None:
        """Set a partition's lag."""
        self._lag.labels(*partition).set(messages)
        self._lag_s.labels(*partition).set(seconds)

    def unreadable(self, partition: Partition, offsets: int) -> None:
        """Set how much of a partition is behind another producer's open transaction."""
        self._unreadable.labels(*partition).set(offsets)

    def forget_lag(self) -> None:
        """Remove the lag of revoked partitions, which their next owner reports."""
        self._lag.clear()
        self._lag_s.clear()
        self._unreadable.clear()
