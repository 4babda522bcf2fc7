"""``triage forget``: removes a customer from the compacted topics, and says what the others do with their records.

Compacted topics are read once, from their beginning to their present end: their keys are tickets and conversations, and
only the records say whose they are. The router keeps conversations on its disk, too. While one runs, only it may write
its changelog: a tombstone of anyone else could come behind the record of a conversation that was opened again, which
would be lost at the next start. So it gets a request on its internal topic, and the command waits for its tombstones.
While none runs, the command writes them; a router that starts reads them, and the requests.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.structs import TopicPartition
from triage_schemas.channels import CHANNELS
from triage_schemas.events import MessageEvent

from triage_worker.config.errors import TriageError
from triage_worker.config.input_topics import INPUT, input_topics, named_topics
from triage_worker.config.settings import Settings
from triage_worker.kafka.authorization import describe_error, refusal
from triage_worker.kafka.client_compat.metadata import has_members, topic_configs
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import admin_client, bare_admin_client, producer
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.sending import send_record
from triage_worker.kafka.topic_reader import POLL_MS, open_reader, read_topic
from triage_worker.kafka.topics import require, require_visible
from triage_worker.router.customer_records import CustomerRecords, RecordKey, is_compacted, never_deletes
from triage_worker.router.topics import FORGET, RouterTopics

ROUTER_ANSWERS_WITHIN_S = 10.0
"""How long the command waits for a router that runs."""


@dataclass(frozen=True, slots=True)
class CompactedTopic:
    """A compacted topic, and what it holds of the customer.

    Attributes:
        topic: its name.
        records: the customer's.
        ends: up to where each partition was read.
    """

    topic: str
    records: CustomerRecords
    ends: dict[TopicPartition, int] = field(default_factory=dict)


@dataclass
class Found:
    """What the topics hold of a customer.

    Attributes:
        tickets: the topic of tickets.
        conversations: the changelog of the router's conversations; None if no router has run.
        helpdesk: what the helpdesk connector remembers of tickets; None if there is none that this user can see.
        kept: the number of the customer's records on each topic of messages that never deletes one; None if its records
            are not events of Triage, and are not counted.
        configs: the configuration of each topic of Triage that exists; None where this user may not see it.
    """

    tickets: CompactedTopic
    conversations: CompactedTopic | None = None
    helpdesk: CompactedTopic | None = None
    kept: dict[str, int | None] = field(default_factory=dict)
    configs: dict[str, dict[str, str] | None] = field(default_factory=dict)

    @property
    def compacted(self) -> list[CompactedTopic]:
        """The topics on which tombstones are written."""
        return [topic for topic in (self.conversations, self.tickets, self.helpdesk) if topic is not None]

    @property
    def staying(self) -> list[str]:
        """The topics that keep, or may keep, records of the customer for ever, also after the tombstones."""
        uncompacted = [
            one.topic
            for one in self.compacted
            if one.records.keys
            and never_deletes(self.configs.get(one.topic))
            and not is_compacted(self.configs.get(one.topic))
        ]
        return [*uncompacted, *(topic for topic, count in self.kept.items() if count != 0)]


@dataclass(frozen=True, slots=True)
class _Empty:
    """A record without a value to write: a tombstone, or with the header `FORGET` a request to the router."""

    topic: str
    place: RecordKey
    headers: Sequence[tuple[str, bytes]] = ()


async def find(settings: Settings, customer_id: str) -> Found:
    """Find what the topics hold of a customer. Nothing is written.

    Raises:
        TriageError: the cluster cannot be reached, or a topic is missing; says what to do.
    """
    await require(settings, {"tickets_topic": "Read and Write"})
    for topic in (changelog(settings), RouterTopics.from_settings(settings).keyed):
        await require_visible(settings, topic)
    async with admin_client(settings) as admin:
        configs = await _configs(admin, settings)
    try:
        if changelog(settings) in configs:
            await _router_runs(settings)  # a missing right has to show before anything is written
        async with open_reader(settings) as consumer, opened_reader(settings, strict=True) as reader:
            found = Found(await _read(consumer, settings.tickets_topic, customer_id, reader), configs=configs)
            if changelog(settings) in configs:
                found.conversations = await _read(consumer, changelog(settings), customer_id, reader)
            if settings.helpdesk_state_topic in configs:
                found.helpdesk = await _read(consumer, settings.helpdesk_state_topic, customer_id, reader)
            for topic, has_events in _message_topics(settings, configs):
                if never_deletes(configs.get(topic)):
                    read = await _read(consumer, topic, customer_id, reader) if has_events else None
                    found.kept[topic] = None if read is None else read.records.count
            return found
    except (KafkaError, TimeoutError) as error:
        raise TriageError(f"The topics could not be read ({describe_error(error)}): try again.") from error


async def forget(settings: Settings, found: Found) -> int:
    """Remove what was found.

    Returns:
        The number of conversations that a running router has not removed yet. It does so when it reads the requests.

    Raises:
        TriageError: the broker did not take all records; the command can be run again.
    """
    client, conversations = producer(settings), found.conversations
    router_runs = False
    try:
        await client.start()
        # The tickets come first: the router writes a ticket again if a message comes before the request.
        await _send(client, _tombstones(found.tickets))
        if found.helpdesk is not None:
            await _send(client, _tombstones(found.helpdesk))  # a connector that runs reads them
        # The requests come before tombstones: what none was sent for must still be found by the next attempt.
        await _send(client, _requests(settings, found))
        if conversations is not None and conversations.records.keys:
            # A router that starts now gets partitions only seconds later (group.initial.rebalance.delay.ms).
            router_runs = await _router_runs(settings)
            if not router_runs:
                await _send(client, _tombstones(conversations))
    except (KafkaError, TimeoutError) as error:
        raise TriageError(
            f"Not all tombstones were written ({describe_error(error)}): run it again, it writes those that are left."
        ) from error
    finally:
        await abandon(client)
    return await _wait_for_router(settings, conversations) if conversations is not None and router_runs else 0


async def _router_runs(settings: Settings) -> bool:
    try:
        async with bare_admin_client(settings) as admin:
            return await has_members(admin, settings.group("router"))
    except GroupAuthorizationFailedError as error:
        raise refusal(error) from None


async def _wait_for_router(settings: Settings, conversations: CompactedTopic) -> int:
    """Follow the changelog until the conversations are removed, or the time is over; return how many are left."""
    records = CustomerRecords(conversations.records.customer_id, keys=dict(conversations.records.keys))
    asked = {place: state["ticket_id"] for place, state in records.keys.items()}

    def left() -> int:
        return sum(records.keys.get(place, {}).get("ticket_id") == ticket_id for place, ticket_id in asked.items())

    deadline = monotonic() + ROUTER_ANSWERS_WITHIN_S
    try:
        async with open_reader(settings) as consumer:
            async for batch in read_topic(consumer, conversations.topic, conversations.ends):
                records.add(batch)
            while left() and monotonic() < deadline:
                for batch in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    records.add(batch)
    except KafkaError as error:
        raise TriageError(
            f"The router was asked, but its changelog could not be read ({describe_error(error)}): run it again."
        ) from error
    return left()


def changelog(settings: Settings) -> str:
    """Return the changelog of the router's conversations."""
    return f"{settings.group('router')}-conversations-changelog"


def topics_of(settings: Settings, existing: Collection[str] = ()) -> list[str]:
    """List the topics of Triage that may have records about customers, in the order of a message's way.

    Args:
        settings: what they are called.
        existing: topics of the cluster, among which the pattern of the input topics finds some.
    """
    group = settings.group("router")
    named = [topic for channel in CHANNELS for topic in _topics(settings, channel.setting, existing)]
    internal = [f"{group}-{name}" for name in ("keyed", "counts", "conversations-changelog", "rates-changelog")]
    return [*named, *internal, settings.helpdesk_state_topic]


def _requests(settings: Settings, found: Found) -> list[_Empty]:
    """Make the requests to the router, on the partitions whose owner has the conversations on its disk."""
    topic = RouterTopics.from_settings(settings).keyed
    if found.conversations is None or topic not in found.configs:
        return []
    return [
        _Empty(
            topic,
            RecordKey(place.partition, str(state["conversation_id"]).encode()),
            [(FORGET, str(state["ticket_id"]).encode())],
        )
        for place, state in found.conversations.records.keys.items()
    ]


def _tombstones(compacted: CompactedTopic) -> list[_Empty]:
    return [_Empty(compacted.topic, place) for place in compacted.records.keys]


async def _send(client: AIOKafkaProducer, records: Sequence[_Empty]) -> None:
    sent = [
        await send_record(
            client,
            record.topic,
            key=record.place.key,
            value=None,
            headers=record.headers,
            partition=record.place.partition,
        )
        for record in records
    ]
    await asyncio.gather(*sent)


async def _read(consumer: AIOKafkaConsumer, topic: str, customer_id: str, reader: EventReader) -> CompactedTopic:
    records = CustomerRecords(customer_id, reader)
    async for batch in read_topic(consumer, topic):
        await reader.load(batch)
        records.add(batch)
    ends = {partition: await consumer.position(partition) for partition in consumer.assignment()}
    return CompactedTopic(topic, records, ends)


async def _configs(admin: AIOKafkaAdminClient, settings: Settings) -> dict[str, dict[str, str] | None]:
    existing = set(await admin.list_topics())
    present = [topic for topic in topics_of(settings, existing) if topic in existing]
    configs = await topic_configs(admin, present)
    return {topic: configs.get(topic) for topic in present}


def _topics(settings: Settings, name: str, existing: Collection[str]) -> list[str]:
    """Return the topics that a setting names or, among existing ones, finds."""
    found = sorted(input_topics(settings).found(existing)) if name == INPUT else []
    return [*named_topics(settings, name), *found]


def _message_topics(settings: Settings, existing: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield the topics of single messages, and whether they are events of Triage, which say whose they are."""
    for channel in CHANNELS:
        if channel.event is None or issubclass(channel.event, MessageEvent):
            for topic in _topics(settings, channel.setting, existing):
                yield topic, channel.event is not None
    yield RouterTopics.from_settings(settings).keyed, True
