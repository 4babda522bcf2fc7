"""Patches aiokafka's consumers to raise a missing right on a topic, whichever request the broker refuses.

aiokafka raises it for fetches only. Three other requests may find it first, and then no fetch follows:

*Metadata.* The answer hides the topic. aiokafka logs that, and takes the topic for one without partitions: a group
assigns none, and a partition that was assigned has no leader to fetch from.

*List offsets.* aiokafka logs the error, and asks again for ever. Where it raises the error, it names no topic.

*Offset fetch.* aiokafka raises an error of another type, once, and the consumer then waits for ever.

The broker refuses all three for the same reason as it hides the topic, so a consumer only has to look there.
"""

import asyncio
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import NoGroupCoordinator
from aiokafka.errors import TopicAuthorizationFailedError, for_code
from aiokafka.protocol.api import Response

LOOKUP_INTERVAL_S = 1.0
"""How often a consumer asks again for a topic that is hidden. aiokafka asks, and logs an error, without a pause.

So it does for a partition without a leader, and where no broker can be reached: these are asked for after the client's
retry back-off, since they may be back soon.
"""


def apply_patch() -> None:
    """Make all consumers of this process use the patched classes; `consumer_group` has the one for groups."""
    consumer.Fetcher = PatchedFetcher
    consumer.NoGroupCoordinator = PatchedNoGroupCoordinator


class PatchedFetcher(Fetcher):
    """aiokafka's fetcher, which looks at the topic when it may not know the offsets of a partition.

    It pauses between its looks for the leader of a partition, and where it is asked for offsets, it looks for those of
    all topics at once.

    It can also be closed while it pauses after a failed fetch. The fetch cancels aiokafka's own `close` then, and
    with it a consumer's `stop`, and the thread that Faust runs it in.
    """

    _looked_up_at = float("-inf")

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        try:
            return await super()._proc_fetch_request(assignment, node_id, request)
        except asyncio.CancelledError:
            return False  # as aiokafka does where it expects this

    async def _retrieve_offsets(self, timestamps: Any, timeout_ms: int | None = None) -> Any:
        # aiokafka asks for one topic that it does not know in each attempt, and pauses: many topics take too long.
        known = self._client.cluster.topics(exclude_internal_topics=False)
        unknown = {partition.topic for partition in timestamps} - known
        if unknown:
            self._client.set_topics(self._client._topics | unknown)
        return await super()._retrieve_offsets(timestamps, timeout_ms)

    async def _proc_offset_request(self, node_id: int, topic_data: Any) -> Any:
        try:
            return await super()._proc_offset_request(node_id, topic_data)
        except TopicAuthorizationFailedError as error:
            self._client.force_metadata_update()
            raise TopicAuthorizationFailedError(error.args[0].topic) from error

    def _get_actions_per_node(self, assignment: Any) -> tuple[Any, Any, float, bool, Any]:
        fetches, resets, timeout_s, look_up, resumed = super()._get_actions_per_node(assignment)
        if look_up:
            hidden = self._client.cluster.unauthorized_topics
            look_up = monotonic() - self._looked_up_at >= (LOOKUP_INTERVAL_S if hidden else self._client._retry_backoff)
            self._looked_up_at = monotonic() if look_up else self._looked_up_at
        return fetches, resets, timeout_s, look_up, resumed


class PatchedNoGroupCoordinator(NoGroupCoordinator):
    """What aiokafka has in place of a group's coordinator, which raises missing rights on topics."""

    def check_errors(self) -> None:
        """Raise what ended a task of this object, or what is missing, in each poll of the consumer."""
        super().check_errors()
        check_topics(self._cluster, self._subscription)


def check_topics(cluster: Any, subscription: Any) -> None:
    """Check that the broker hides none of a consumer's topics.

    Raises:
        TopicAuthorizationFailedError: it does; names them.
    """
    if hidden := set(cluster.unauthorized_topics) & set(subscription.topics):
        raise TopicAuthorizationFailedError(hidden)


def check_consumer(client: AIOKafkaConsumer) -> None:
    """Check that the broker hides none of a consumer's topics, as each poll does when it begins.

    Raises:
        TopicAuthorizationFailedError: it does; names them.
    """
    check_topics(client._client.cluster, client._subscription)


def check_offsets(response: Response) -> None:
    """Check that an answer about a group's offsets refuses none of the topics.

    Raises:
        TopicAuthorizationFailedError: it does; names them.
    """
    refused = {
        topic
        for topic, partitions in response.topics
        for *_, code in partitions
        if for_code(code) is TopicAuthorizationFailedError
    }
    if refused:
        raise TopicAuthorizationFailedError(refused)
