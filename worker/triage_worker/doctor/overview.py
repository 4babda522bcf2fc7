"""Looks at all topics of a cluster: how large each is, and whether it looks like messages of customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import TopicPartition
from triage_schemas.channels import CHANNELS, INPUT

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.doctor.gathering import fetch_schemas, opened_topics
from triage_worker.doctor.kinds import DESCRIPTIONS
from triage_worker.doctor.sampling import Sample, empty_sample, read_last
from triage_worker.doctor.survey import STRUCTURED, Survey, survey
from triage_worker.kafka.client_compat.metadata import Topics
from triage_worker.kafka.connection import check_connection

RECORDS = 20
"""That are read of each topic."""

MOST_TOPICS = 60
"""That are read: the largest ones."""

LONGEST_S = 5.0
"""Of reading one topic."""

LEAST_SCORE = 0.5
LEAST_NATURAL = 0.5
INTERNAL_ENDS = ("-changelog", "-repartition")
"""Of the names of topics that stream processors use for themselves."""


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic in the list.

    Attributes:
        topic: its name.
        partitions: how many it has.
        records: how many it has, at most.
        looks: whether it looks like messages of customers.
        content: what is on it, in one phrase.
    """

    topic: str
    partitions: int
    records: int
    looks: bool
    content: str


async def list_topics(settings: Settings, timeout_s: float) -> list[TopicLine]:
    """List the topics of the cluster, those first that look like messages.

    Args:
        settings: the cluster and the registry.
        timeout_s: after so many seconds, no further topic is read.

    Raises:
        ConfigError, TriageError: the cluster cannot be reached; says what to do.
    """
    await check_connection(settings)
    end = monotonic() + timeout_s
    ours = {getattr(settings, channel.setting) for channel in CHANNELS if channel is not INPUT}
    async with opened_topics(settings, "the list of topics") as (consumer, topics):
        cut_off = {place.topic for place in topics.leaderless}
        readable = {topic: places for topic, places in topics.partitions.items() if topic not in cut_off}
        lines = [_without_leader(topic, topics) for topic in cut_off]
        samples = await _empty_samples(consumer, readable)
        for number, sample in enumerate(sorted(samples, key=lambda one: (-one.offsets, one.topic))):
            unread = _unread(sample, ours)
            if not unread and number >= MOST_TOPICS:
                unread = "not looked at: too many topics"
            if not unread and monotonic() > end:
                unread = "not looked at: no time left"
            looks, content = (False, unread) if unread else await _look(settings, consumer, sample, end - monotonic())
            lines.append(TopicLine(sample.topic, len(sample.ends), sample.offsets, looks, content))
    if not lines:
        raise TriageError(
            f"{settings.bootstrap_servers} shows no topic to this user: grant it Describe and Read on the one with the "
            "messages, see docs/security.md."
        )
    return sorted(lines, key=lambda line: (not line.looks, line.topic))


def _without_leader(topic: str, topics: Topics) -> TopicLine:
    """The line of a topic that cannot be read: the client would wait for the leader until it gives up."""
    places = topics.partitions[topic]
    numbers = sorted(place.partition for place in topics.leaderless if place.topic == topic)
    which = f"{len(numbers)} of {len(places)} partitions" if len(places) > 1 else "its partition"
    without = f"{which} {'has' if len(numbers) == 1 else 'have'} no leader: see whether all brokers are up"
    return TopicLine(topic, len(places), 0, looks=False, content=f"not looked at: {without}")


async def _empty_samples(consumer: AIOKafkaConsumer, topics: Mapping[str, list[TopicPartition]]) -> list[Sample]:
    """Ask how many records all topics have, at once: one by one it takes long."""
    every = await empty_sample(consumer, "", [place for partitions in topics.values() for place in partitions])
    samples = []
    for topic, places in topics.items():
        begins, ends = ({place: offsets[place] for place in places} for offsets in (every.begins, every.ends))
        samples.append(Sample(topic, begins, ends))
    return samples


async def _look(settings: Settings, consumer: AIOKafkaConsumer, sample: Sample, left_s: float) -> tuple[bool, str]:
    """Read some records of a topic; return whether they look like messages, and what they are."""
    try:
        await read_last(consumer, sample, RECORDS, min(left_s, LONGEST_S))
    except TopicAuthorizationFailedError:
        return False, "this user may not read it"
    schemas = (await fetch_schemas(settings, sample.records)).schemas
    return describe(sample, survey(sample.records, schemas.get))


def _unread(sample: Sample, ours: set[str]) -> str:
    """Why a topic is not read; empty if it is."""
    topic = sample.topic
    if topic in ours or topic.startswith("triage-"):
        return "written by Triage"
    if topic.startswith("_") or topic.endswith(INTERNAL_ENDS):
        return "internal to another program"
    return "" if sample.offsets else "empty"


def describe(sample: Sample, found: Survey) -> tuple[bool, str]:
    """Say whether a topic looks like messages of customers, and what is on it."""
    if not sample.records:
        return False, "nothing could be read in time" if sample.timed_out else "no committed records"
    main = found.main
    if main is None:
        kind, _ = found.kinds.most_common(1)[0]
        return False, DESCRIPTIONS[kind]
    described = DESCRIPTIONS[main]
    if found.change_logs:
        described += f", a change log of {found.change_logs.most_common(1)[0][0]}"
    if main == "email":
        return True, described
    if main not in STRUCTURED:
        looks = found.natural >= LEAST_NATURAL
        return looks, f"{described}, {'like' if looks else 'unlike'} messages"
    best = found.texts[0] if found.texts else None
    if best is None or best.score < LEAST_SCORE:
        return False, f"{described}, no field reads like a message"
    return True, f"{described}, a text in {best.field.name}"
