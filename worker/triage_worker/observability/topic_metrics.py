"""Counts messages by the topic that they were read from, so that their sum can be checked for each topic."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

MOST_TOPICS = 100
"""Topics that have a series of their own; those that a pattern finds beyond them are counted as `OTHER`."""

OTHER = "other"


class TopicMetrics:
    """For each topic: what was read is what was answered, given back and is in flight.

    Args:
        registry: where the metrics are.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._topics: set[str] = set()
        self._in_flight: Callable[[], Mapping[str, int]] = dict
        self._read = Counter("triage_topic_messages_read", "Messages read, by topic.", ["topic"], registry=registry)
        self._answered = Counter(
            "triage_topic_messages_answered",
            "Messages whose output the broker has, by the topic that they were read from and by outcome.",
            ["topic", "outcome"],
            registry=registry,
        )
        self._answered_by: dict[tuple[str, str], Counter] = {}
        self._returned = Counter(
            "triage_topic_messages_given_back",
            "Messages unfinished when their partition was revoked, by topic; its next owner reads them again.",
            ["topic"],
            registry=registry,
        )
        self._gauge = Gauge(
            "triage_topic_in_flight_messages",
            "Messages read and not yet answered, by topic.",
            ["topic"],
            registry=registry,
        )

    def watch(self, in_flight: Callable[[], Mapping[str, int]]) -> None:
        """Set the function that is asked for what is in flight of each topic whenever the metrics are read."""
        self._in_flight = in_flight

    def read(self, topic: str, messages: int) -> None:
        """Count messages read."""
        self._read.labels(self._label(topic)).inc(messages)

    def answered(self, topic: str, outcome: str) -> None:
        """Count a message whose output the broker has."""
        counter = self._answered_by.get((topic, outcome))
        if counter is None:  # to find it by its labels takes longer than to count
            counter = self._answered_by[topic, outcome] = self._answered.labels(self._label(topic), outcome)
        counter.inc()

    def returned(self, topic: str, messages: int) -> None:
        """Count messages whose partition was revoked before they were answered."""
        self._returned.labels(self._label(topic)).inc(messages)

    def _label(self, topic: str) -> str:
        if topic in self._topics:
            return topic
        label = topic if len(self._topics) < MOST_TOPICS else OTHER
        if label not in self._topics:
            self._topics.add(label)
            self._gauge.labels(label).set_function(lambda: self._in_flight_of(label))
        return label

    def _in_flight_of(self, label: str) -> int:
        by_topic = self._in_flight()
        if label != OTHER:
            return by_topic.get(label, 0)
        return sum(messages for topic, messages in by_topic.items() if topic not in self._topics - {OTHER})
