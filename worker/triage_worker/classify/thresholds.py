"""Follows the control topic: a threshold that an audit has decided replaces the bundle's own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from triage_schemas.records import Threshold

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.authorization import REFUSED, describe_error, refusal
from triage_worker.kafka.control_topic import Decisions, bundle_key, read_decisions
from triage_worker.kafka.topic_reader import open_reader

log = logging.getLogger(__name__)

POLL_MS = 1_000
RETRY_S = 10.0


def follows(settings: Settings) -> bool:
    """Whether a worker follows the control topic: if it audits, or if the topic is named explicitly."""
    return settings.audit_share > 0 or settings.source("control_topic") != "default"


def threshold_in_force(decisions: Decisions, name: str, version: str, own: float) -> Callable[[], Threshold]:
    """Return a function that returns the threshold in force of one bundle, from any thread.

    Args:
        decisions: of the control topic.
        name: of the bundle.
        version: of the bundle.
        own: the bundle's own threshold, which is the least.
    """
    key, bundles_own = bundle_key(name, version), Threshold(own, 0)

    def in_force() -> Threshold:
        decided = decisions.of(key)
        return bundles_own if decided is None else Threshold(max(decided.threshold, own), decided.version)

    return in_force


def threshold_of_intent(in_force: Callable[[], Threshold], own: Mapping[str, float]) -> Callable[[str], Threshold]:
    """Return a function that returns the threshold in force for an intent, from any thread.

    Args:
        in_force: returns that of all intents.
        own: what the bundle asks of intents with a threshold of their own. A raised threshold makes none laxer.
    """

    def of_intent(intent: str) -> Threshold:
        threshold, least = in_force(), own.get(intent)
        return threshold if least is None else Threshold(max(least, threshold.confidence), threshold.version)

    return of_intent


@asynccontextmanager
async def followed_decisions(settings: Settings) -> AsyncIterator[Decisions]:
    """Read the control topic to its end, and follow it within the context.

    No message may be accepted by a threshold that is lower than what was decided. So this waits until the topic has
    been read. If there is no such topic, nothing was ever decided. Later, what was read last holds whatever happens.

    Raises:
        ConfigError: this user may not read the topic; says what to change.
    """
    decisions = Decisions()
    read = asyncio.Event()
    await topics.require_visible(settings, settings.control_topic)
    following = asyncio.create_task(_follow(settings, decisions, read), name="control topic")
    reading = asyncio.ensure_future(read.wait())
    try:
        await asyncio.wait([reading, following], return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        yield decisions
    finally:
        reading.cancel()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(settings: Settings, decisions: Decisions, read: asyncio.Event) -> None:
    """Follow the topic until cancelled. After an error, and when it has more partitions, it is read from its beginning.

    Raises:
        ConfigError: this user may not read the topic, and has never read it.
    """
    absent = False
    while True:
        try:
            async with open_reader(settings) as consumer:
                newest = Decisions()
                await read_decisions(consumer, settings, newest)
                if consumer.assignment():
                    decisions.replace(newest)
                read.set()
                if not consumer.assignment() and not absent:
                    log.warning("There is no control topic: bundles' own thresholds hold until there is one")
                absent = not consumer.assignment()
                while consumer.assignment() and not _grown(consumer, settings.control_topic):
                    fetched = await consumer.getmany(timeout_ms=POLL_MS)
                    for records in fetched.values():
                        decisions.update(records)
        except Exception as error:  # whatever it is: a worker that follows no more would keep an old threshold for good
            if isinstance(error, REFUSED) and not read.is_set():
                raise refusal(error, "Read") from error
            if not isinstance(error, KafkaError | TriageError) and not read.is_set():
                raise
            what = str(error) if isinstance(error, TriageError) else describe_error(error, "Read")
            until = "the last threshold holds" if read.is_set() else "no message is read before"
            log.warning("The control topic cannot be read; %s", until, extra={"error": what})
        await asyncio.sleep(RETRY_S)


def _grown(consumer: AIOKafkaConsumer, topic: str) -> bool:
    """Whether the topic has partitions that are not read."""
    return len(consumer.partitions_for_topic(topic) or ()) > len(consumer.assignment())
