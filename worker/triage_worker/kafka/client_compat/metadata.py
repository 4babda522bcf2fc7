"""Looks up topics, their partitions and their configurations, positions, and groups."""

from collections.abc import Collection
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupAuthorizationFailedError, NoError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition


async def partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """List the partitions of a topic in order; an empty list if the topic does not exist.

    Args:
        consumer: started; needs no subscription or assignment.
        topic: its name.
    """
    # All topics are listed first: aiokafka waits for the metadata of a missing topic until the request times out.
    if topic not in await consumer.topics():
        return []
    numbers = await consumer._client._wait_on_metadata(topic)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


class Topics(NamedTuple):
    """The topics that a broker shows to a user.

    Attributes:
        partitions: of each topic, by its name; Kafka's internal ones are left out.
        internal: the names of those.
        leaderless: partitions without a leader, which nothing can be read from now.
    """

    partitions: dict[str, list[TopicPartition]]
    internal: frozenset[str]
    leaderless: frozenset[TopicPartition] = frozenset()


async def all_topics(consumer: AIOKafkaConsumer) -> Topics:
    """List all topics with their partitions, by one request.

    Args:
        consumer: started; needs no subscription or assignment.
    """
    cluster = await consumer._client.fetch_all_metadata()
    shown = sorted(cluster.topics())
    partitions = {
        topic: [TopicPartition(topic, number) for number in sorted(cluster.partitions_for_topic(topic) or ())]
        for topic in shown
    }
    leaderless = frozenset(
        place
        for topic, places in partitions.items()
        for place in places
        if place.partition not in (cluster.available_partitions_for_topic(topic) or ())
    )
    internal = frozenset(cluster.topics(exclude_internal_topics=False)) - partitions.keys()
    return Topics(partitions, internal, leaderless)


def broker_count(consumer: AIOKafkaConsumer) -> int:
    """Return how many brokers the cluster has, as far as a started consumer knows."""
    return len(consumer._client.cluster.brokers())


def positions(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Return the offset that is read next in each assigned partition where it is known; asks no broker.

    `AIOKafkaConsumer.position` waits where it is not known, and records could arrive meanwhile.
    """
    subscription = consumer._subscription.subscription
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    return {partition: consumed.offset for partition, consumed in assignment.all_consumed_offsets().items()}


async def unauthorized_topics(admin: AIOKafkaAdminClient, topics: Collection[str]) -> set[str]:
    """Return those topics that the broker hides from this user; creates none, also in an unpatched client."""
    if not topics:
        return set()
    response = await admin._send_request(MetadataRequest(list(topics), allow_auto_topic_creation=False))
    return {found[1] for found in response.topics if for_code(found[0]) is TopicAuthorizationFailedError}


async def topic_configs(admin: AIOKafkaAdminClient, topics: Collection[str]) -> dict[str, dict[str, str] | None]:
    """Read the configuration of existing topics; None for a topic whose configuration this user may not see."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    configs: dict[str, dict[str, str] | None] = {}
    for response in await admin.describe_configs(resources) if resources else []:
        for code, _, _, topic, entries in response.resources:
            hidden = for_code(code) is TopicAuthorizationFailedError
            configs[topic] = None if hidden else {entry[0]: entry[1] for entry in entries}
    return configs


async def has_members(admin: AIOKafkaAdminClient, group: str) -> bool:
    """Whether a consumer group has members; one that died is a member until its session ends.

    Raises:
        GroupAuthorizationFailedError: this user may not see the group.
        KafkaError: the group's coordinator did not answer.
    """
    try:
        (response,) = await admin.describe_consumer_groups([group])
    except GroupAuthorizationFailedError:
        raise GroupAuthorizationFailedError(group) from None
    (described,) = response.groups
    error = for_code(described[0])
    if error is not NoError:
        raise error(group)
    return bool(described[5])
