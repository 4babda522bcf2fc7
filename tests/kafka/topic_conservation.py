"""Verifies the outputs of several input topics: each message of each has exactly one, and nothing else has any."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.kafka.harness import KafkaHarness
from tests.kafka.message_outcomes import MessageOutcomes, Position

SERIES = re.compile(r"^triage_topic_(\w+?)(?:_total)?\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')


async def verify_topics(
    harness: KafkaHarness, sent: Mapping[str, Iterable[Position]], *, repeats_allowed: bool = False
) -> dict[str, MessageOutcomes]:
    """Compare the outputs with the messages of each topic.

    Args:
        harness: the output topics.
        sent: the positions that the broker acknowledged, by topic; nothing else is on these topics.
        repeats_allowed: whether an event may be repeated, with the same id.
    """
    by_topic = await harness.outcomes_by_topic()
    assert set(by_topic) <= set(sent), "messages of other topics were answered"
    for topic, positions in sent.items():
        expected = set(positions)
        outcomes = by_topic.get(topic) or MessageOutcomes()
        assert outcomes.lost(expected) == [], topic
        assert set(outcomes.answers) == expected, topic
        assert outcomes.out_of_order() == [], topic
        assert (outcomes.conflicting() if repeats_allowed else outcomes.duplicated()) == [], topic
        assert sum(outcomes.counts.values()) >= len(expected), topic
    return by_topic


def balance(metrics: str) -> dict[str, Counter[str]]:
    """Return what a worker says of each topic: messages read, answered (by outcome), given back and in flight."""
    topics: dict[str, Counter[str]] = {}
    for name, labels, value in SERIES.findall(metrics):
        if name.endswith("created"):
            continue
        found = dict(LABEL.findall(labels))
        counts = topics.setdefault(found["topic"], Counter())
        counts[found.get("outcome", name)] += int(float(value))
    return topics


def answered(counts: Counter[str]) -> int:
    """Return how many messages of a topic were answered."""
    return sum(counts[one] for one in ("accepted", "fallback", "review", "dead_letter", "skipped"))


def check_balance(metrics: str, read: Mapping[str, int]) -> None:
    """Fail unless a worker that did all of the work says that each message was answered, topic by topic."""
    found = balance(metrics)
    assert {topic: counts["messages_read"] for topic, counts in found.items()} == dict(read)
    for topic, counts in found.items():
        assert counts["messages_read"] == answered(counts) + counts["messages_given_back"], (topic, counts)
        assert counts["in_flight_messages"] == 0, (topic, counts)
