"""The topics: which there should be, how they are best configured, and what is wrong with those there are."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings, variable
from triage_worker.kafka.authorization import refusal
from triage_worker.kafka.client_compat.metadata import topic_configs, unauthorized_topics
from triage_worker.kafka.connection import connection, reach

DAY_MS = 86_400_000
REPLICAS = 3
"""As many as a cluster should keep, where it has the brokers for it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A topic as it should be: the setting that names it, its name, and the settings of its own that matter."""

    setting: str
    topic: str
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as it is. ``configs`` holds what the broker would tell; None where this user may not ask."""

    partitions: int
    replicas: int
    configs: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a topic and how to mend it. An error stops a service; advice does not."""

    topic: str
    kind: Literal["error", "advice"]
    message: str


def plan(settings: Settings) -> list[Spec]:
    """Every topic of the services."""
    large = str(2 * max(settings.max_message_bytes, 1_048_576))
    configs: dict[str, dict[str, str]] = {
        "input_topic": {},
        "output_topic": {},
        # The longest text, the labels' descriptions and the rest of the event have to fit.
        "fallback_topic": {},
        # A dead letter is its message and some headers: it must not be too large where its message was not.
        "dead_letter_topic": {"retention.ms": str(30 * DAY_MS), "max.message.bytes": large},
        "tickets_topic": {"cleanup.policy": "compact"},
        "alerts_topic": {},
        "review_topic": {"retention.ms": str(30 * DAY_MS)},
        "labels_topic": {"retention.ms": "-1"},
    }
    return [Spec(setting, getattr(settings, setting), values) for setting, values in configs.items()]


def problems(
    wanted: Iterable[Spec], found: Mapping[str, Found], brokers: int, hidden: Collection[str] = ()
) -> list[Problem]:
    """What is wrong with the topics that were found, most urgent first; ``hidden`` are those we may not look at."""
    listed = [
        problem for spec in wanted for problem in _problems(spec, found.get(spec.topic), brokers, spec.topic in hidden)
    ]
    return sorted(listed, key=lambda problem: problem.kind != "error")


def _problems(spec: Spec, found: Found | None, brokers: int, hidden: bool) -> list[Problem]:
    if found is None and hidden:
        message = "is not shown to this user: grant it Describe and DescribeConfigs, see docs/security.md"
        return [Problem(spec.topic, "error", message)]
    if found is None:
        message = f"does not exist: run `triage topics create`, or set {variable(spec.setting)} to the one that does"
        return [Problem(spec.topic, "error", message)]
    listed = []
    if found.configs is None:
        message = "does not show its configuration to this user: grant it DescribeConfigs, see docs/security.md"
        return [Problem(spec.topic, "advice", message)]
    policy = found.configs.get("cleanup.policy", "delete")
    if "compact" in policy and spec.setting != "tickets_topic":
        message = "has cleanup.policy=compact, so that messages with the same key disappear: set it to delete"
        listed.append(Problem(spec.topic, "error", message))
    if "compact" not in policy and spec.setting == "tickets_topic":
        message = "has cleanup.policy=delete, so that old open tickets disappear: set it to compact"
        listed.append(Problem(spec.topic, "advice", message))
    smallest = spec.configs.get("max.message.bytes")
    largest = found.configs.get("max.message.bytes")
    if smallest is not None and largest is not None and int(largest) < int(smallest):
        message = f"takes records of {largest} bytes at most: set its max.message.bytes to {smallest}"
        listed.append(Problem(spec.topic, "advice", message))
    if found.replicas < min(brokers, REPLICAS):
        message = f"has {found.replicas} replica(s) on {brokers} brokers: a lost disk loses messages"
        listed.append(Problem(spec.topic, "advice", message))
    return listed


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
    async with administrator(settings) as admin:
        count = replicas or min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
        safe = {"min.insync.replicas": str(count - 1)} if count > 2 else {}
        new = [
            NewTopic(spec.topic, partitions, count, topic_configs={**safe, **spec.configs}) for spec in plan(settings)
        ]
        return await create_on(admin, new)


async def create_on(admin: AIOKafkaAdminClient, new: list[NewTopic]) -> dict[str, bool]:
    """Create those topics that do not exist; each one's name, and whether it is new.

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


async def check(settings: Settings) -> list[Problem]:
    """What is wrong with the topics of the services on this cluster."""
    async with administrator(settings) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = plan(settings)
        found = await _find(admin, [spec.topic for spec in wanted])
        hidden = await unauthorized_topics(admin, [spec.topic for spec in wanted if spec.topic not in found])
        return problems(wanted, found, brokers, hidden)


async def require(settings: Settings, needed: Mapping[str, str]) -> None:
    """Make sure that topics exist, before a service starts; never creates one.

    Args:
        settings: where, and what the topics are called.
        needed: the settings that name them, each with the operations that the service needs.

    Raises:
        ConfigError: no broker answers, the login is refused, or a topic is missing; says what to change.
    """
    existing = await _existing(settings)
    for name, operations in needed.items():
        topic = getattr(settings, name)
        if topic in existing:
            continue
        async with administrator(settings) as admin:
            hidden = await unauthorized_topics(admin, [topic])
        if hidden:
            raise ConfigError(
                f"The broker refuses this user {operations} on the topic {topic}, or has none of that name: grant it, "
                f"see docs/security.md, or correct {variable(name)}."
            )
        raise ConfigError(
            f"The topic {topic} does not exist on {settings.bootstrap_servers}: run `triage topics create`, or set "
            f"{variable(name)} to the one that does."
        )


async def _existing(settings: Settings) -> set[str]:
    """All topics; asked for again where the broker that was asked is just going away, as in a roll-out of brokers."""
    for pause_s in (0.5, 1.0, 2.0, 4.0):
        try:
            async with administrator(settings) as admin:
                return set(await admin.list_topics())
        except ConfigError:
            raise
        except TriageError:
            await asyncio.sleep(pause_s)
    async with administrator(settings) as admin:
        return set(await admin.list_topics())


@asynccontextmanager
async def administrator(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started client that creates and describes topics.

    Raises:
        ConfigError: no broker answers, or the login is refused; says what to change.
        TriageError: the broker failed later.
    """
    await reach(settings)
    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=15_000)
    await admin.start()
    try:
        yield admin
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"{settings.bootstrap_servers} answered, then failed ({type(error).__name__}: {error}): try again, and see "
            f"whether all brokers are up and reachable by the names that they advertise."
        ) from error
    finally:
        await admin.close()


async def _find(admin: AIOKafkaAdminClient, topics: list[str]) -> dict[str, Found]:
    """Describe those topics that exist. All are listed first: asking for one by name can create it."""
    described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    present = [topic for topic in topics if topic in described]
    configs = await topic_configs(admin, present)
    return {
        topic: Found(
            partitions=len(described[topic]),
            replicas=min((len(partition["replicas"]) for partition in described[topic]), default=0),
            configs=configs.get(topic, {}),
        )
        for topic in present
    }
