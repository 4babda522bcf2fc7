"""Reads what the doctor looks at from the cluster and the registry. It joins no group, and changes nothing."""

import asyncio
import difflib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnsupportedCodecError
from aiokafka.structs import ConsumerRecord
from prometheus_client import CollectorRegistry
from triage_schemas.input.registry.frames import SchemaId, read_frame
from triage_schemas.input.registry.schema import KnownSchema

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.doctor.checks import Check, check_group, check_topics
from triage_worker.doctor.rights import check_rights, look_up_rights, needed_topics
from triage_worker.doctor.sampling import Sample, empty_sample, opened_consumer, read_last
from triage_worker.kafka.authorization import REFUSED, refusal
from triage_worker.kafka.client_compat.codecs import observed_codecs
from triage_worker.kafka.client_compat.metadata import Topics, all_topics
from triage_worker.kafka.connection import check_connection
from triage_worker.kafka.schema_cache import opened_schemas
from triage_worker.kafka.topics import require_visible, survey

REGISTRY_S = 10.0
"""How long the registry is waited for. The worker waits for as long as it takes."""

GROUPS = "__consumer_offsets"
"""Kafka's topic of consumer groups. Where there is none, to ask for a group would create it."""


class NothingToReadError(TriageError):
    """The topic is there, and has no record that could be looked at."""


@dataclass(slots=True)
class RegistryAnswers:
    """What the schema registry said.

    Attributes:
        schemas: those that were fetched, by id.
        asked: the ids that records name.
        problem: why it gave no answer; None if it did, or was not asked.
        is_set: whether the settings name a registry.
    """

    schemas: Mapping[SchemaId, KnownSchema] = field(default_factory=dict)
    asked: Collection[SchemaId] = ()
    problem: str | None = None
    is_set: bool = False


@dataclass(slots=True)
class Gathered:
    """What was read.

    Attributes:
        sample: the records.
        codecs: how many batches were compressed by which codec.
        registry: what the registry said.
        checks: of the cluster.
    """

    sample: Sample
    codecs: Counter[str]
    registry: RegistryAnswers
    checks: list[Check]


async def gather(settings: Settings, count: int, timeout_s: float) -> Gathered:
    """Read the last records of the input topic, the schemas that they name, and the state of the cluster.

    Args:
        settings: the cluster, the topic and the registry.
        count: how many records to read, at most.
        timeout_s: how long records are waited for.

    Raises:
        NothingToReadError: there is no record.
        ConfigError, TriageError: the cluster cannot be reached or read; says what to do.
    """
    topic = settings.input_topic
    await check_connection(settings)
    async with opened_topics(settings, topic) as (consumer, topics):
        if topic not in topics.partitions:
            await require_visible(settings, topic)
            raise ConfigError(_missing(settings, topic, topics.partitions))
        sample = await empty_sample(consumer, topic, topics.partitions[topic])
        with observed_codecs() as codecs:
            await read_last(consumer, sample, count, timeout_s)
    if not sample.records:
        raise NothingToReadError(_nothing(sample, timeout_s))
    if all(record.value is None for record in sample.records):
        raise NothingToReadError(
            f"All of the last {len(sample.records)} records on {topic} are null values (tombstones), which say that a "
            "key was deleted: name a topic with messages, or read further back with --records."
        )
    checks = [check async for check in _checks(settings, len(sample.ends), topics.internal)]
    return Gathered(sample, codecs, await fetch_schemas(settings, sample.records), checks)


async def _checks(settings: Settings, partitions: int, internal: Collection[str]) -> AsyncIterator[Check]:
    """Look at the worker's topics, at its group, and at what this user may do."""
    found = await survey(settings)
    for check in check_topics(found, settings, partitions):
        yield check
    if GROUPS in internal and (group := await check_group(settings)) is not None:
        yield group
    missing = [topic for topic in needed_topics(settings) if topic not in found.found and topic not in found.hidden]
    for check in check_rights(await look_up_rights(settings, missing), settings):
        yield check


@asynccontextmanager
async def opened_topics(settings: Settings, topic: str) -> AsyncIterator[tuple[AIOKafkaConsumer, Topics]]:
    """Open a consumer without a group, and list the topics that this user is shown.

    Args:
        settings: the cluster.
        topic: what errors are about.

    Raises:
        ConfigError, TriageError: an error of the client within the context, as a sentence.
    """
    with _explained(topic, settings):
        async with opened_consumer(settings) as consumer:
            yield consumer, await all_topics(consumer)


@contextmanager
def _explained(topic: str, settings: Settings) -> Iterator[None]:
    try:
        yield
    except REFUSED as error:
        raise refusal(error, "Read") from error
    except UnsupportedCodecError as error:
        raise ConfigError(
            f"The records on {topic} are compressed by a codec that cannot be read here ({error}): pip install cramjam."
        ) from error
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"{settings.bootstrap_servers} answered, but {topic} could not be read ({error!r}): see whether all "
            "brokers are up and reachable by the names that they advertise, then try again."
        ) from error


async def fetch_schemas(settings: Settings, records: Iterable[ConsumerRecord]) -> RegistryAnswers:
    """Fetch the schemas that records name, as far as the registry answers in time.

    Raises:
        ConfigError: the libraries are missing, or a file for TLS cannot be loaded.
    """
    frames = [read_frame(record.value, record.headers or ()) for record in records if record.value]
    asked = {frame.schema_id for frame in frames if frame is not None}
    async with opened_schemas(settings, CollectorRegistry()) as cache:
        if cache is None or not asked:
            return RegistryAnswers(asked=asked, is_set=cache is not None)
        with suppress(TimeoutError):
            async with asyncio.timeout(REGISTRY_S):
                await cache.load(asked)
        fetched = {schema_id: cache(schema_id) for schema_id in asked if not cache.lacks(schema_id)}
        late = None if len(fetched) == len(asked) else f"no answer within {REGISTRY_S:.0f} s"
        return RegistryAnswers(fetched, asked, late and (cache.problem or late), is_set=True)


def _missing(settings: Settings, topic: str, topics: Collection[str]) -> str:
    similar = difflib.get_close_matches(topic, sorted(topics), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(similar)}? " if similar else ""
    return f"The topic {topic} does not exist on {settings.bootstrap_servers}: {hint}`triage doctor` lists all topics."


def _nothing(sample: Sample, timeout_s: float) -> str:
    topic, partitions = sample.topic, len(sample.ends)
    if sample.timed_out:
        return (
            f"No record of {topic} came within {timeout_s:g} s: see whether its brokers are up, or give --timeout 120."
        )
    if sample.offsets:
        return (
            f"The topic {topic} has {sample.offsets:,} offsets and no record that is committed: what was there was "
            "deleted by compaction, or aborted. Send a message to it, or name another topic."
        )
    deleted = sum(sample.begins.values())
    what = f"has no record any more: its {deleted:,} were deleted by retention" if deleted else "is empty"
    return (
        f"The topic {topic} ({_counted(partitions, 'partition')}) {what}. Send a message to it and try again, or name "
        "another topic; `triage doctor` lists all."
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
