"""What the router needs on the cluster: the partitions of its input, and topics of its own with as many."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import refusal
from triage_worker.kafka.connection import connection
from triage_worker.kafka.topics import REPLICAS, create_on
from triage_worker.router.topics import RouterTopics

COMPACTED = {"cleanup.policy": "compact"}


@dataclass(frozen=True, slots=True)
class Provided:
    """Partitions of the input, and copies that a topic of ours has."""

    partitions: int
    replicas: int


async def provide(settings: Settings, topics: RouterTopics) -> Provided:
    """Create the router's own topics where they do not exist.

    Raises:
        ConfigError: one of them is there with another number of partitions, or the user may not read the group.
        TriageError: the broker failed, or refused one; says why.
    """
    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=15_000)
    await admin.start()
    try:
        return await _provide(admin, settings, topics)
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"The router's own topics on {settings.bootstrap_servers} could not be created or looked at ({error!r}): "
            f"try again, and see whether it may create topics."
        ) from error
    finally:
        await admin.close()


async def _provide(admin: AIOKafkaAdminClient, settings: Settings, topics: RouterTopics) -> Provided:
    await _may_join(admin, settings.group("router"))
    found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    partitions = found[topics.intents]
    replicas = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
    group = settings.group("router")
    own = {
        topics.keyed: {},
        topics.counts: {},
        f"{group}-conversations-changelog": COMPACTED,
        f"{group}-rates-changelog": COMPACTED,
    }
    for topic in own:
        if found.get(topic, partitions) != partitions:
            raise ConfigError(
                f"{topics.intents} has {partitions} partitions, but the router's own topic {topic} has {found[topic]}: "
                f"a conversation's messages and its ticket would be on different ones. Set TRIAGE_GROUP_ID to a new "
                f"name, so that the router begins with new topics."
            )
    missing = [NewTopic(topic, partitions, replicas, topic_configs=own[topic]) for topic in own if topic not in found]
    if missing:
        await create_on(admin, missing)
    return Provided(partitions, replicas)


async def _may_join(admin: AIOKafkaAdminClient, group: str) -> None:
    """Without the right to its group, Faust would ask for it on and on and never say why."""
    try:
        await admin.find_coordinator(group)
    except GroupAuthorizationFailedError:
        raise refusal(GroupAuthorizationFailedError(group)) from None
    except KafkaError:
        pass  # the group has no coordinator yet, as on a new cluster: for that Faust waits
