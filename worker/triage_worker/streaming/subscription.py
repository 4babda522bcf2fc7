"""Follows which topics there are to read: those that are named, and those that a pattern finds.

aiokafka can subscribe to a pattern itself. It then drops its assignment as soon as it sees another topic, before the
partitions are revoked: what was answered cannot be committed any more, and every new topic would cause repeats. So the
consumer subscribes to names only, and this looks for new topics.
"""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.client_compat.topic_access import check_consumer

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""How soon a topic is found that matches a pattern, or missed."""


class TopicSubscription:
    """The topics that a consumer reads.

    Args:
        selection: names and patterns.

    Attributes:
        topics: those that the consumer is subscribed to.
    """

    def __init__(self, selection: TopicSelection) -> None:
        self._selection = selection
        self._found: frozenset[str] | None = None
        self._look = asyncio.Event()
        self._partitions: dict[str, int] = {}
        self.topics: frozenset[str] = frozenset()

    async def start(self, client: AIOKafkaConsumer) -> None:
        """Look for topics for the first time with a new client, which is not subscribed to any yet.

        Raises:
            KafkaError: no broker answered.
        """
        self.topics, self._found = frozenset(), None
        await self._find(client)

    async def run(self, client: AIOKafkaConsumer) -> None:
        """Look for topics until cancelled; if no broker answers, what was found before remains."""
        while self._selection.patterns:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                await self._find(client)
            except KafkaError as error:
                log.debug("The topics of the cluster are unknown: %r", error)
        await asyncio.Event().wait()

    def look_now(self) -> None:
        """Look for topics without waiting for the interval."""
        self._look.set()

    def changed(self) -> list[str] | None:
        """Return the topics to subscribe to if they have changed since the last call; None if they have not."""
        if self._found is None or self._found == self.topics:
            return None
        if self._selection.patterns:
            new, gone = sorted(self._found - self.topics), sorted(self.topics - self._found)
            log.info("The topics to read are others now", extra={"new": new, "gone": gone})
        self.topics = self._found
        return sorted(self.topics)

    def problem(self, client: AIOKafkaConsumer) -> str | None:
        """Return what is wrong with the topics; log those that came back smaller than they were."""
        if not self.topics:
            return f"no topic matches {self._selection}"
        missing = None
        for topic in sorted(self.topics):
            partitions = len(client.partitions_for_topic(topic) or ())
            before = self._partitions.get(topic, 0)
            if not partitions:
                check_consumer(client)  # it may have been hidden during the poll
                if topic in self._selection.names:
                    missing = missing or f"there is no topic {topic}"
                continue
            if partitions < before:
                log.warning(
                    "The topic was deleted and created again with fewer partitions",
                    extra={"topic": topic, "partitions": partitions, "before": before},
                )
            self._partitions[topic] = partitions
        return missing

    async def _find(self, client: AIOKafkaConsumer) -> None:
        existing = await client.topics() if self._selection.patterns else ()
        self._found = self._selection.of(existing)
