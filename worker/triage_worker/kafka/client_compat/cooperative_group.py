"""Lets a consumer go on with its partitions while its group rebalances, if it has a `CooperativeAssignor`.

aiokafka's coordinator revokes all partitions before it joins, and waits then until the last member has noticed that it
must join, which takes up to a heartbeat's interval. This one joins with the partitions that it holds, and goes on
reading them. What the new assignment does not have is revoked then, and the group rebalances again to give it away.

It is safe while the coordinator knows the member by the same id: partitions of a member are given to others only in a
rebalance that it joins, or after it was removed from the group. A member that was removed gets another id, and gives up
all partitions first. So does one whose group has last used another assignor.

Two things differ meanwhile. Commits and requests for committed offsets wait while a member joins: they would go by the
same connection, be answered after the join, and be refused for their old generation. And aiokafka sends a join for each
assignor in turn, each of which would be a rebalance; this sends one for all.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from aiokafka.consumer import consumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.protocol.api import Request, Response
from aiokafka.protocol.group import JoinGroupRequest
from aiokafka.structs import TopicPartition

from triage_worker.kafka.client_compat.consumer_group import PatchedGroupCoordinator
from triage_worker.kafka.client_compat.cooperative_assignor import FOLLOWED, CooperativeAssignor

log = logging.getLogger(__name__)

SOON_MS = 50
"""The time between two heartbeats while another rebalance is expected: partitions have no owner until it is done."""


@runtime_checkable
class KeepingListener(Protocol):
    """A rebalance listener that can be told of some of its partitions only."""

    @property
    def keeps_partitions(self) -> bool:
        """Whether it can go on with its partitions at present."""
        ...


def apply_patch() -> None:
    """Make all consumers of this process use `CooperativeGroupCoordinator`."""
    consumer.GroupCoordinator = CooperativeGroupCoordinator


class CooperativeGroupCoordinator(PatchedGroupCoordinator):
    """aiokafka's coordinator, which keeps partitions over a rebalance where it can."""

    def __init__(
        self,
        client: Any,
        subscription: Any,
        *,
        assignors: Iterable[Any] = (RoundRobinPartitionAssignor,),
        **others: Any,
    ) -> None:
        self._all_assignors = list(assignors)
        self._cooperative = next((one for one in self._all_assignors if isinstance(one, CooperativeAssignor)), None)
        self._holder = ""
        self._keeping = False
        self._joined = asyncio.Event()
        self._joined.set()
        self._usual_heartbeat_ms: int | None = None
        first = self._all_assignors if self._cooperative is None else self._all_assignors[:1]
        super().__init__(client, subscription, assignors=first, **others)

    def _lookup_assignor(self, name: str) -> Any:
        return next((one for one in self._all_assignors if one.name == name), None)

    async def _send_req(self, request: Request) -> Response:
        if self._cooperative is not None and isinstance(request, JoinGroupRequest):
            self._joined.clear()
            topics = self._subscription.topics
            request._group_protocols = [(one.name, one.metadata(topics).encode()) for one in self._all_assignors]
        return await super()._send_req(request)

    async def _do_commit_offsets(self, assignment: Any, offsets: Any) -> None:
        await self._joined.wait()
        await super()._do_commit_offsets(assignment, offsets)

    async def _do_fetch_commit_offsets(self, partitions: Any) -> Any:
        await self._joined.wait()
        return await super()._do_fetch_commit_offsets(partitions)

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        try:
            return await super()._do_rejoin_group(subscription)
        finally:
            self._joined.set()

    async def ensure_active_group(self, subscription: Any, prev_assignment: Any) -> Any:
        """Join the group; without partitions if it has removed this member since the last attempt."""
        if self._keeping and not self._may_keep(prev_assignment):
            await self._give_up(prev_assignment)
        return await super().ensure_active_group(subscription, prev_assignment)

    async def _on_join_prepare(self, previous_assignment: Any) -> None:
        if self._cooperative is None or not self._may_keep(previous_assignment):
            await self._give_up(previous_assignment)
            return
        self._keeping = True
        self._group_subscription = None
        self._cooperative.hold(previous_assignment.tps, self.generation)

    def _may_keep(self, assignment: Any) -> bool:
        """Whether the group may still take this member for the owner of its partitions."""
        listener, subscription = self._subscription.listener, self._subscription.subscription
        return bool(
            self._holder
            and self._holder == self.member_id
            and assignment is not None
            and assignment.active
            and subscription is not None
            and subscription.assignment is assignment
            and isinstance(listener, KeepingListener)
            and listener.keeps_partitions
        )

    async def _give_up(self, assignment: Any) -> None:
        """Revoke all partitions, as aiokafka does."""
        self._keeping, self._holder = False, ""
        if self._cooperative is not None:
            self._cooperative.hold(())
        await super()._on_join_prepare(assignment)

    async def _on_join_complete(
        self, generation: int, member_id: str, protocol: str, member_assignment_bytes: bytes
    ) -> None:
        self._joined.set()
        cooperative, subscription = self._cooperative, self._subscription.subscription
        held = subscription.assignment if self._keeping else None
        if cooperative is None or protocol != cooperative.name:
            self._expect_another(False)
            if held is not None:
                # A member of an earlier version has joined. Others may have these partitions already: what is answered
                # until they are given up may be answered twice, at least once.
                self._start_heartbeat_task()
                await self._give_up(held)
            await super()._on_join_complete(generation, member_id, protocol, member_assignment_bytes)
            return
        self._keeping, self._holder = False, member_id
        assignment = ConsumerProtocolMemberAssignment.decode(member_assignment_bytes)
        self._expect_another(assignment.user_data == FOLLOWED)
        assigned = frozenset(assignment.partitions())
        before: frozenset[TopicPartition] = frozenset() if held is None else held.tps
        if revoked := before - assigned:
            await self._hand_over(revoked)
            if self._subscription.subscription is not subscription:
                return  # the topics are others now, so it joins once more
        await self._assign(assigned, held)
        await self._notify("on_partitions_assigned", set(assigned - before))
        if revoked:
            self.request_rejoin()

    def _expect_another(self, expected: bool) -> None:
        """Send heartbeats at short intervals until the next rebalance if one is expected, to join it without delay.

        aiokafka begins to send heartbeats anew after each rebalance.
        """
        if self._usual_heartbeat_ms is None:
            self._usual_heartbeat_ms = self._heartbeat_interval_ms
        self._heartbeat_interval_ms = min(SOON_MS, self._usual_heartbeat_ms) if expected else self._usual_heartbeat_ms

    async def _hand_over(self, revoked: Iterable[TopicPartition]) -> None:
        """Let the listener finish with partitions, which still are this member's own."""
        for partition in revoked:
            self._subscription.pause(partition)
        self._start_heartbeat_task()  # it may take longer than the group waits
        await self._notify("on_partitions_revoked", set(revoked))

    async def _assign(self, assigned: Iterable[TopicPartition], held: Any) -> None:
        """Begin an assignment; what was held before stays at its position, and paused if it was."""
        self._subscription.assign_from_subscribed(list(assigned))
        assignment = self._subscription.subscription.assignment
        for partition in () if held is None else held.tps & assignment.tps:
            _carry_over(held.state_value(partition), assignment.state_value(partition))
        await self._stop_commit_offsets_refresh_task()
        self.start_commit_offsets_refresh_task(assignment)

    async def _notify(self, name: str, partitions: set[TopicPartition]) -> None:
        listener = self._subscription.listener
        if listener is None:
            return
        callback: Callable[[set[TopicPartition]], Awaitable[None]] = getattr(listener, name)
        try:
            await callback(partitions)
        except Exception:
            log.exception("%s failed", name)


def _carry_over(before: Any, after: Any) -> None:
    """Give a partition's state the position of an earlier one. There must be no await between the two assignments."""
    if before.has_valid_position:
        after.seek(before.position)
    if before.paused:
        after.pause()
    after.highwater, after.lso, after.timestamp = before.highwater, before.lso, before.timestamp
