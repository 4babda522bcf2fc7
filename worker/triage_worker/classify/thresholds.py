"""Follows the control topic: a threshold that an audit has decided replaces the bundle's own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic

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
REREAD_S = 300.0
"""Time after which the topic is read from its beginning again."""


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
    topic = _FollowedTopic(settings, decisions)
    while True:
        pause = RETRY_S
        try:
            async with open_reader(settings) as consumer:
                await topic.read(consumer)
                read.set()
                if await topic.follow(consumer):
                    pause = 0.0
        except Exception as error:  # whatever it is: a worker that follows no more would keep an old threshold for good
            if isinstance(error, REFUSED) and not read.is_set():
                raise refusal(error, "Read") from error
            if not isinstance(error, KafkaError | TriageError) and not read.is_set():
                raise
            what = str(error) if isinstance(error, TriageError) else describe_error(error, "Read")
            topic.lose(what, "the last threshold holds" if read.is_set() else "no message is read before")
        await asyncio.sleep(pause)


class _FollowedTopic:
    """The control topic as a worker follows it, and what was logged about it."""

    def __init__(self, settings: Settings, decisions: Decisions) -> None:
        self._settings = settings
        self._decisions = decisions
        self._seen = self._absent = False

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        """Read the topic from its beginning to its end.

        Raises:
            KafkaError, TriageError: it cannot be read, or is hidden from this user.
        """
        newest = Decisions(self._decisions)
        await read_decisions(consumer, self._settings, newest)
        if consumer.assignment():
            self._seen, self._absent = True, False
            self._decisions.replace(newest)
            if self._decisions.lost is not None:
                self._decisions.lost = None
                log.info("The control topic is followed again")
            return
        # A topic that is hidden looks as if it did not exist.
        await topics.require_visible(self._settings, self._settings.control_topic)
        if self._seen:
            self.lose(f"the topic {self._settings.control_topic} has been deleted", "the last threshold holds")
        elif not self._absent:
            self._absent = True
            log.warning("There is no control topic: bundles' own thresholds hold until there is one")

    async def follow(self, consumer: AIOKafkaConsumer) -> bool:
        """Apply what is decided until the topic is read again: at once if True is returned, otherwise after a pause.

        It is read again now and then, since decisions can also vanish: if the topic is created again, or if a tombstone
        was compacted away while no broker answered.
        """
        until = monotonic() + REREAD_S
        while consumer.assignment() and not _grown(consumer, self._settings.control_topic):
            if monotonic() > until:
                return True
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            for records in fetched.values():
                self._decisions.update(records)
        return False

    def lose(self, why: str, until: str) -> None:
        """Say once that the topic is not followed."""
        if self._decisions.lost is None:
            log.warning("The control topic cannot be read; %s", until, extra={"error": why})
        self._decisions.lost = why


def _grown(consumer: AIOKafkaConsumer, topic: str) -> bool:
    """Whether the topic has partitions that are not read."""
    return len(consumer.partitions_for_topic(topic) or ()) > len(consumer.assignment())
