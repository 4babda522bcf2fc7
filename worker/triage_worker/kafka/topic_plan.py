"""Which topics there should be, how they should be configured, and what is wrong with those that exist. No I/O."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from triage_schemas.channels import CHANNELS, Service, read_by, written_by

from triage_worker.config.input_topics import INPUT, input_topics, named_topics, where_named
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable

DAY_MS = 86_400_000
COMPACTED = ("tickets_topic", "control_topic")
REPLICAS = 3
"""Replicas that a topic should have, on clusters with that many brokers."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be.

    Attributes:
        setting: that names it.
        topic: its name.
        configs: its configuration, where that matters.
        where: where its name can be corrected; unset: by the setting.
    """

    setting: str
    topic: str
    configs: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """A topic as it is; ``configs`` is None where this user may not read the configuration."""

    partitions: int
    replicas: int
    configs: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a topic and how to fix it. An error stops a service; advice does not."""

    topic: str
    kind: Literal["error", "advice"]
    message: str


def plan(settings: Settings, existing: Iterable[str] = ()) -> list[TopicSpec]:
    """List the topics of every channel.

    Args:
        settings: what they are called.
        existing: topics of the cluster; those that the pattern of the input topics finds are listed, too.
    """
    large = str(2 * max(settings.max_message_bytes, 1_048_576))
    configs: dict[str, dict[str, str]] = {
        # A dead letter is a message with more headers: it must fit where its message did.
        "dead_letter_topic": {"retention.ms": str(30 * DAY_MS), "max.message.bytes": large},
        "tickets_topic": {"cleanup.policy": "compact"},
        "review_topic": {"retention.ms": str(30 * DAY_MS)},
        "labels_topic": {"retention.ms": "-1"},
        "control_topic": {"cleanup.policy": "compact"},
        # Keys count by the time of the broker, and are read back from the topic.
        "intake_topic": {
            "retention.ms": str(max(3 * DAY_MS, round(2_000 * settings.intake_window_s))),
            "message.timestamp.type": "LogAppendTime",
        },
        "acts_topic": {"retention.ms": str(365 * DAY_MS)},
    }
    names = [channel.setting for channel in CHANNELS]
    named = [(name, topic) for name in names for topic in named_topics(settings, name)]
    found = [(INPUT, topic) for topic in sorted(input_topics(settings).found(existing))]
    return [
        TopicSpec(name, topic, configs.get(name, {}), where_named(settings, name)) for name, topic in (*named, *found)
    ]


def pattern_problems(settings: Settings, existing: Collection[str]) -> list[Problem]:
    """Return the patterns of the input topics that match none of the existing topics."""
    selection = input_topics(settings)
    message = "matches no topic: the worker waits until there is one"
    return [
        Problem(pattern, "advice", message)
        for pattern in selection.patterns
        if not replace(selection, patterns=(pattern,)).found(existing)
    ]


def required_operations(service: Service) -> dict[str, str]:
    """Return the operations that a service always needs on its topics, by the setting that names the topic."""
    operations: dict[str, list[str]] = {}
    for operation, channels in (("Read", read_by(service)), ("Write", written_by(service))):
        for channel in (one for one in channels if service not in one.optional):
            operations.setdefault(channel.setting, []).append(operation)
    return {setting: " and ".join(needed) for setting, needed in operations.items()}


def problems(
    wanted: Iterable[TopicSpec], found: Mapping[str, ExistingTopic], brokers: int, hidden: Collection[str] = ()
) -> list[Problem]:
    """Compare topics as they should be with those found; errors first.

    Args:
        wanted: topics as they should be.
        found: topics that exist, by name.
        brokers: number of brokers of the cluster.
        hidden: topics that the broker does not show to this user.
    """
    listed = [
        problem for spec in wanted for problem in _problems(spec, found.get(spec.topic), brokers, spec.topic in hidden)
    ]
    return sorted(listed, key=lambda problem: problem.kind != "error")


def _problems(spec: TopicSpec, found: ExistingTopic | None, brokers: int, hidden: bool) -> list[Problem]:
    if found is None and hidden:
        message = "is not shown to this user: grant it Describe and DescribeConfigs, see docs/security.md"
        return [Problem(spec.topic, "error", message)]
    if found is None:
        where = spec.where or f"by {variable(spec.setting)}"
        message = f"does not exist: run `triage topics create`, or name the one that does {where}"
        return [Problem(spec.topic, "error", message)]
    listed = []
    if found.configs is None:
        message = "does not show its configuration to this user: grant it DescribeConfigs, see docs/security.md"
        return [Problem(spec.topic, "advice", message)]
    policy = found.configs.get("cleanup.policy", "delete")
    if "compact" in policy and spec.setting not in COMPACTED:
        message = "has cleanup.policy=compact, so that older messages with the same key are deleted: set it to delete"
        listed.append(Problem(spec.topic, "error", message))
    if "compact" not in policy and spec.setting == "tickets_topic":
        message = "has cleanup.policy=delete, so that old open tickets are deleted: set it to compact"
        listed.append(Problem(spec.topic, "advice", message))
    if "delete" in policy and spec.setting == "control_topic":
        message = f"has cleanup.policy={policy}, so that raised thresholds are forgotten: set it to compact"
        listed.append(Problem(spec.topic, "error", message))
    retention_ms = int(found.configs.get("retention.ms", "-1"))
    if retention_ms >= 0 and spec.setting == "labels_topic":
        days = f"{retention_ms / DAY_MS:.3g}"
        message = f"deletes people's answers after {days} days, also those of an audit: set its retention.ms to -1"
        listed.append(Problem(spec.topic, "advice", message))
    smallest = spec.configs.get("max.message.bytes")
    largest = found.configs.get("max.message.bytes")
    if smallest is not None and largest is not None and int(largest) < int(smallest):
        message = f"takes records of at most {largest} bytes: set its max.message.bytes to {smallest}"
        listed.append(Problem(spec.topic, "advice", message))
    if found.replicas < min(brokers, REPLICAS):
        message = f"has {found.replicas} replica(s) on {brokers} brokers: a lost disk loses messages"
        listed.append(Problem(spec.topic, "advice", message))
    return listed
