"""Patches aiokafka's side of a consumer group, in four places.

*Committed offsets.* aiokafka asks for them by a version of the request in whose answer one error may stand for all
partitions, but it only looks for errors of single partitions. While the coordinator of a group moves to another broker,
the answer is such an error and names no partition. aiokafka takes it for the answer about a group that never committed
anything. The consumer would then start at the beginning of the topic or, with ``auto_offset_reset=latest``, skip
messages.

*Joining.* A coordinator answers a joining member once all other members have joined or are given up. No other request
may take so long, but aiokafka has one time-out for all of them. A time-out that leaves members time to join would also
make every other request wait that long for a broker that hangs.

*Leaving while joining.* aiokafka ends a member only once the group has answered, which can take the session time-out of
a member that died. The coordinator answers the requests of a connection in their order, so it would not even learn that
the member leaves: it would wait for one more dead member then.

*Missing rights on topics.* `topic_access` says what aiokafka does about them.
"""

import asyncio
import logging
from time import monotonic

from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.api import Request, Response
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from triage_worker.kafka.client_compat import topic_access

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 1.5
"""How long a consumer may take to leave its group in order."""

CLOSED_TIMEOUT_S = 0.5
"""How long it may then take to end without its connections."""

ANSWER_TIMEOUT_S = 0.2
"""How long a broker may take to answer the join of a member that has left, before the connection is closed."""

JOIN_MARGIN_S = 5.0
"""How long a joining member waits beyond the rebalance time-out; Java's client uses the same margin."""


def apply_patch() -> None:
    """Make all consumers of this process use `PatchedGroupCoordinator`."""
    consumer.GroupCoordinator = PatchedGroupCoordinator


class PatchedGroupCoordinator(GroupCoordinator):
    """aiokafka's group coordinator with all four patches."""

    is_joining = False
    """Whether it waits for the group to answer a join."""

    def check_errors(self) -> None:
        """Raise what ended a task of the coordinator, or a missing right, in each poll of the consumer."""
        super().check_errors()
        topic_access.check_topics(self._cluster, self._subscription)

    async def close(self) -> None:
        """Leave the group, also while it is being joined."""
        leaving = asyncio.ensure_future(self._stop_joining()) if self.is_joining else None
        try:
            await super().close()
        finally:
            if leaving is not None:
                leaving.cancel()
                await asyncio.gather(leaving, return_exceptions=True)

    async def _stop_joining(self) -> None:
        """Leave by another connection, and end the request that waits for the group. Static members never leave."""
        if self.coordinator_id is None:
            return
        waiting = await self._client._get_conn(self.coordinator_id, group=ConnectionGroup.COORDINATION)
        if self.member_id and self._group_instance_id is None:
            try:
                await self._client.send(self.coordinator_id, LeaveGroupRequest(self.group_id, self.member_id))
                self.reset_generation()
                await self._answered()
            except KafkaError as error:
                log.debug("The group could not be left while it was joined: %r", error)
        if self.is_joining and waiting is not None:
            waiting.close()

    async def _answered(self) -> None:
        """Give the broker the time to answer the join of a member that has left."""
        deadline = monotonic() + ANSWER_TIMEOUT_S
        while self.is_joining and monotonic() < deadline:  # noqa: ASYNC110 (aiokafka tells nobody)
            await asyncio.sleep(ANSWER_TIMEOUT_S / 20)

    async def _send_req(self, request: Request) -> Response:
        await self._set_timeout(request)
        if isinstance(request, JoinGroupRequest | SyncGroupRequest):
            return await self._join(request)
        response = await super()._send_req(request)
        if isinstance(request, OffsetFetchRequest):
            self._check_offsets(response)
        return response

    async def _join(self, request: Request) -> Response:
        if self._closing.done():  # it would wait for the group again
            raise GroupCoordinatorNotAvailableError
        self.is_joining = True
        try:
            return await super()._send_req(request)
        finally:
            self.is_joining = False

    def _check_offsets(self, response: Response) -> None:
        """Raise an error in the answer to a request for committed offsets."""
        if code := getattr(response, "error_code", 0):
            error = for_code(code)
            if error is NotCoordinatorForGroupError:
                self.coordinator_dead()
            raise error(self.group_id) if error is GroupAuthorizationFailedError else error()
        try:
            topic_access.check_offsets(response)
        except TopicAuthorizationFailedError:
            self._client.force_metadata_update()
            raise

    async def _set_timeout(self, request: Request) -> None:
        """Set how long the connection waits for the answer to the next request."""
        if self.coordinator_id is None:
            return
        connection = await self._client._get_conn(self.coordinator_id, group=ConnectionGroup.COORDINATION)
        if connection is not None:
            usual_s = self._client._request_timeout_ms / 1_000
            joins = isinstance(request, JoinGroupRequest | SyncGroupRequest)
            joining_s = self._rebalance_timeout_ms / 1_000 + JOIN_MARGIN_S
            connection._request_timeout = max(usual_s, joining_s) if joins else usual_s


async def stop_consumer(client: AIOKafkaConsumer) -> bool:
    """Stop a consumer within seconds; False if it could not leave its group in order.

    aiokafka first waits for a rebalance that is going on, which lasts until all members have joined or are given up,
    or for a broker that hangs. Closing its connections ends these requests.
    """
    stopping = asyncio.create_task(client.stop())
    try:
        done, _ = await asyncio.wait([stopping], timeout=STOP_TIMEOUT_S)
        if not done:
            await client._client.close()
            await asyncio.wait([stopping], timeout=CLOSED_TIMEOUT_S)
    finally:
        stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    return bool(done) and not stopping.cancelled() and stopping.exception() is None
