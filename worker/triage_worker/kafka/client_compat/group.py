"""aiokafka's side of a consumer group, mended in two places.

*Committed offsets.* aiokafka asks for them by a version of the request in whose answer an error may stand for all
partitions together, and looks for errors at single partitions only. While the coordinator of a group moves to another
broker, the answer is such an error and names no partition: for aiokafka, a group that never committed anything. It
would begin anew with all that the topic holds, or, told to begin with the latest, leave out what came meanwhile.

*Joining.* A coordinator answers a member that joins when all others have joined, or are given up. No other request may
take so long, and aiokafka has one time-out for all: one that lets members join would wait as long for a broker that
stands still.
"""

from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

BEYOND_S = 5.0
"""How much longer than all others may take a member waits for its answer; Java's client has the same."""


def mend() -> None:
    """Have all consumers of this process, Faust's too, use this side of a group."""
    consumer.GroupCoordinator = Coordinator


class Coordinator(GroupCoordinator):  # type: ignore[misc]
    """A member's view of its group."""

    async def _send_req(self, request: Any) -> Any:
        await self._set_timeout(request)
        response = await super()._send_req(request)
        if not isinstance(request, OffsetFetchRequest) or not getattr(response, "error_code", 0):
            return response
        error = for_code(response.error_code)
        if error is NotCoordinatorForGroupError:
            self.coordinator_dead()
        raise error(self.group_id) if error is GroupAuthorizationFailedError else error()

    async def _set_timeout(self, request: Any) -> None:
        """Tell the connection how long it may wait for the next request's answer; each is told anew."""
        if self.coordinator_id is None:
            return
        connection = await self._client._get_conn(self.coordinator_id, group=ConnectionGroup.COORDINATION)
        if connection is not None:
            usual_s = self._client._request_timeout_ms / 1_000
            joins = isinstance(request, JoinGroupRequest | SyncGroupRequest)
            joining_s = self._rebalance_timeout_ms / 1_000 + BEYOND_S
            connection._request_timeout = max(usual_s, joining_s) if joins else usual_s
