"""Creates, checks and requires the topics of the services on a cluster."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NodeNotReadyError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.input_topics import named_topics, where_named
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import refusal
from triage_worker.kafka.client_compat.metadata import topic_configs, unauthorized_topics
from triage_worker.kafka.clients import admin_client
from triage_worker.kafka.topic_plan import (
    REPLICAS,
    ExistingTopic,
    Problem,
    TopicSpec,
    pattern_problems,
    plan,
    problems,
)


async def create(settings: Settings, *, partitions: int, replicas: int | None) -> dict[str, bool]:
    """Create the topics that do not exist.

    Args:
        settings: where, and what the topics are called.
        partitions: of each new topic; as many workers as this can share the work.
        replicas: of each new topic; None is three, or as many as there are brokers.

    Returns:
        Every topic's name, and whether it is new.

    Raises:
        TriageError: the broker refused one; says why.
    """
    async with admin_client(settings) as admin:
        count = replicas or await replica_count(admin)
        safe = {"min.insync.replicas": str(count - 1)} if count > 2 else {}
        new = [
            NewTopic(spec.topic, partitions, count, topic_configs={**safe, **spec.configs}) for spec in plan(settings)
        ]
        return await create_missing(admin, new)


async def create_internal(settings: Settings, name: str, *, partitions: int, configs: Mapping[str, str]) -> None:
    """Create a topic that a service uses for itself, unless it exists.

    Args:
        settings: where.
        name: of the topic.
        partitions: of the topic.
        configs: its configuration.

    Raises:
        TriageError: the broker refused it; says why.
    """
    async with admin_client(settings) as admin:
        if name not in await admin.list_topics():
            new = NewTopic(name, partitions, await replica_count(admin), topic_configs=dict(configs))
            await create_missing(admin, [new])


async def create_missing(admin: AIOKafkaAdminClient, new: list[NewTopic]) -> dict[str, bool]:
    """Create those topics that do not exist; returns each name, and whether the topic is new.

    Raises:
        TriageError: the broker refused one; says why.
    """
    response = await admin.create_topics(new)
    outcome = {}
    refused = {topic for topic, code, _ in response.topic_errors if for_code(code) is TopicAuthorizationFailedError}
    if refused:
        raise refusal(TopicAuthorizationFailedError(refused), "Create")
    for topic, code, message in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise TriageError(f"The topic {topic} was not created: {message or error.description}")
        outcome[topic] = not code
    return outcome


@dataclass(frozen=True, slots=True)
class TopicSurvey:
    """The topics of the services, as they should be and as they are on a cluster.

    Attributes:
        wanted: as they should be.
        found: those that exist, by name.
        brokers: number of brokers of the cluster.
        hidden: those that the broker does not show to this user, whether or not they exist.
        existing: all topics that the cluster shows, among which patterns find some.
    """

    wanted: Sequence[TopicSpec]
    found: Mapping[str, ExistingTopic]
    brokers: int
    hidden: Collection[str]
    existing: Collection[str] = ()


async def survey(settings: Settings) -> TopicSurvey:
    """Look at the topics of the services on this cluster."""
    async with admin_client(settings) as admin:
        brokers = await _broker_count(admin)
        existing = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
        wanted = plan(settings, existing)
        found = await _describe(admin, existing, [spec.topic for spec in wanted])
        hidden = await unauthorized_topics(admin, [spec.topic for spec in wanted if spec.topic not in found])
        return TopicSurvey(wanted, found, brokers, hidden, existing)


async def check(settings: Settings) -> list[Problem]:
    """Return what is wrong with the topics of the services on this cluster; errors first."""
    found = await survey(settings)
    return [
        *problems(found.wanted, found.found, found.brokers, found.hidden),
        *pattern_problems(settings, found.existing),
    ]


async def require(settings: Settings, needed: Mapping[str, str]) -> None:
    """Check that topics exist before a service starts; creates none.

    Args:
        settings: where, and what the topics are called.
        needed: the settings that name them, each with the operations that the service needs.

    Raises:
        ConfigError: no broker answers, the login is refused, or a topic is missing; says what to change.
    """
    existing = await list_topics(settings)
    named = [(topic, name, operations) for name, operations in needed.items() for topic in named_topics(settings, name)]
    for topic, name, operations in named:
        if topic in existing:
            continue
        async with admin_client(settings) as admin:
            hidden = await unauthorized_topics(admin, [topic])
        if hidden:
            raise ConfigError(
                f"The broker refuses this user {operations} on the topic {topic}, or has none of that name: grant it, "
                f"see docs/security.md, or name another {where_named(settings, name)}."
            )
        raise ConfigError(
            f"The topic {topic} does not exist on {settings.bootstrap_servers}: run `triage topics create`, or name "
            f"the one that does {where_named(settings, name)}."
        )


async def require_visible(settings: Settings, topic: str) -> None:
    """Check that the broker does not hide a topic from this user, whether or not it exists.

    Raises:
        ConfigError: it does, so that nobody can tell what is on it; or no broker answers.
    """
    async with admin_client(settings) as admin:
        if await unauthorized_topics(admin, [topic]):
            raise refusal(TopicAuthorizationFailedError({topic}), "Read")


async def replica_count(admin: AIOKafkaAdminClient) -> int:
    """Return how many replicas a new topic should have on this cluster."""
    return min(REPLICAS, await _broker_count(admin))


async def _broker_count(admin: AIOKafkaAdminClient) -> int:
    """Return how many brokers the cluster has; at least one.

    Raises:
        NodeNotReadyError: it names none, as while the only one is fenced.
    """
    brokers = len((await admin.describe_cluster())["brokers"])
    if brokers == 0:
        raise NodeNotReadyError("the cluster names no broker at present")
    return brokers


async def list_topics(settings: Settings) -> set[str]:
    """List all topics, with retries for a broker that is shutting down, as in a rolling restart."""
    for pause_s in (0.5, 1.0, 2.0, 4.0):
        try:
            return await _list_topics(settings)
        except ConfigError:
            raise
        except TriageError:
            await asyncio.sleep(pause_s)
    return await _list_topics(settings)


async def _list_topics(settings: Settings) -> set[str]:
    async with admin_client(settings) as admin:
        return set(await admin.list_topics())


async def _describe(
    admin: AIOKafkaAdminClient, described: Mapping[str, Any], topics: list[str]
) -> dict[str, ExistingTopic]:
    """Describe those topics that exist, by the partitions of all topics of the cluster."""
    present = [topic for topic in topics if topic in described]
    configs = await topic_configs(admin, present)
    return {
        topic: ExistingTopic(
            partitions=len(described[topic]),
            replicas=min((len(partition["replicas"]) for partition in described[topic]), default=0),
            configs=configs.get(topic, {}),
        )
        for topic in present
    }
