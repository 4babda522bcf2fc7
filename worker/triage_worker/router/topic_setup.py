"""Creates the router's internal topics and changelogs, with as many partitions as its input."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import refusal
from triage_worker.kafka.clients import bare_admin_client
from triage_worker.kafka.topics import create_missing, replica_count
from triage_worker.router.topics import RouterTopics

COMPACTED = {"cleanup.policy": "compact"}


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """The layout of the router's internal topics.

    Attributes:
        partitions: the number of partitions of the input, and so of the internal topics.
        replicas: the replication factor of the internal topics.
    """

    partitions: int
    replicas: int


async def create_internal_topics(settings: Settings, topics: RouterTopics) -> TopicLayout:
    """Create the internal topics that do not exist, and return their layout.

    Raises:
        ConfigError: an internal topic has another number of partitions, or the user may not read the group.
        TriageError: the broker failed, or refused to create a topic.
    """
    try:
        async with bare_admin_client(settings) as admin:
            return await _create_missing(admin, settings, topics)
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"The router's internal topics on {settings.bootstrap_servers} could not be read or created ({error!r}): "
            f"try again, and check that the router may create topics."
        ) from error


async def _create_missing(admin: AIOKafkaAdminClient, settings: Settings, topics: RouterTopics) -> TopicLayout:
    group = settings.group("router")
    await _check_group_access(admin, group)
    found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    partitions = found[topics.intents]
    replicas = await replica_count(admin)
    internal: dict[str, dict[str, str]] = {
        topics.keyed: {},
        topics.counts: {},
        f"{group}-conversations-changelog": COMPACTED,
        f"{group}-rates-changelog": COMPACTED,
    }
    for topic in internal:
        if found.get(topic, partitions) != partitions:
            raise ConfigError(
                f"{topics.intents} has {partitions} partitions, but the router's internal topic {topic} has "
                f"{found[topic]}: a conversation's messages and its ticket would be on different partitions. Set "
                f"TRIAGE_GROUP_ID to a new name, so that the router starts with new internal topics."
            )
    missing = [
        NewTopic(topic, partitions, replicas, topic_configs=config)
        for topic, config in internal.items()
        if topic not in found
    ]
    if missing:
        await create_missing(admin, missing)
    return TopicLayout(partitions, replicas)


async def _check_group_access(admin: AIOKafkaAdminClient, group: str) -> None:
    """Raise if the user may not read the group: Faust would retry forever without an error."""
    try:
        await admin.find_coordinator(group)
    except GroupAuthorizationFailedError:
        raise refusal(GroupAuthorizationFailedError(group)) from None
    except KafkaError:
        pass  # a new cluster has no coordinator for the group yet; Faust waits for it
