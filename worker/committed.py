"""Committed offsets that a broker cannot tell just now are asked for again, and not taken for offsets that never were.

aiokafka asks for them by a version of the request in whose answer an error may stand for all partitions together, and
looks for errors at single partitions only. While the coordinator of a group moves to another broker, the answer is such
an error and names no partition: for aiokafka, a group that never committed anything. It would begin anew with all that
the topic holds, or, told to begin with the latest, leave out what came meanwhile.
"""

from typing import Any

from aiokafka.consumer import consumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupAuthorizationFailedError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest


def heed() -> None:
    """Have all consumers of this process, Faust's too, ask again."""
    consumer.GroupCoordinator = Coordinator


class Coordinator(GroupCoordinator):  # type: ignore[misc]
    """aiokafka's side of a group, which looks for that error, too."""

    async def _send_req(self, request: Any) -> Any:
        response = await super()._send_req(request)
        if not isinstance(request, OffsetFetchRequest) or not getattr(response, "error_code", 0):
            return response
        error = for_code(response.error_code)
        if error is NotCoordinatorForGroupError:
            self.coordinator_dead()
        raise error(self.group_id) if error is GroupAuthorizationFailedError else error()
