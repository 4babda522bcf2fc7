"""Makes Faust read and commit as the other services do. Only the router imports this module.

Faust reads committed records if it also writes in transactions (``processing_guarantee="exactly_once"``), and has no
other setting for it. It refuses a session time-out above its time-out of requests, which it would also apply to each
request to a broker that hangs.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

from aiokafka.structs import TopicPartition
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from triage_worker.kafka.client_compat.metadata import positions

QUIET_S = 4.0
"""How long a changelog must have given nothing behind its last record until its recovery counts as complete."""


class CommittedTransport(Transport):
    """Faust's connection to Kafka, whose consumers read committed records.

    Args:
        app: whose transport this becomes.
        request_timeout_ms: how long a broker may take to answer a request. Joining the group may take longer.
    """

    def __init__(self, app: Any, request_timeout_ms: int) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.request_timeout_ms = request_timeout_ms


class _CommittedThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._request_timeout_ms = consumer._client._request_timeout_ms = transport.request_timeout_ms
        return consumer


class _CommittedConsumer(Consumer):
    """Commits also the position behind the last message, once all messages are acknowledged.

    Faust commits the offsets of messages only. The markers of transactions behind them, and records of aborted ones,
    would count as lag for ever.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._open: defaultdict[Any, dict[int, Any]] = defaultdict(dict)
        self._passed: dict[TopicPartition, int] = {}
        super().__init__(*arguments, **named)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 (Faust's signature)
        """Fetch messages. Those of the fetch before are delivered now, unless the flow was stopped meanwhile."""
        client = self._thread._consumer
        self._passed = positions(client) if self.flow_active and client is not None else {}
        async for partition, message in super().getmany(timeout):
            if self.app.topics.acks_enabled_for(message.topic):
                self._open[partition][id(message)] = message
            yield partition, message

    def ack(self, message: Any) -> bool:
        """Note that a message is processed."""
        self._open[message.tp].pop(id(message), None)
        return bool(super().ack(message))

    async def force_commit(self, *arguments: Any, **named: Any) -> bool:
        """Commit what is acknowledged; then the positions of partitions that have nothing else to commit."""
        committed = bool(await super().force_commit(*arguments, **named))
        passed: Any = {one: position for one, position in self._passed.items() if self._is_idle(one)}
        if passed:
            committed = bool(await self._commit_offsets(passed)) or committed
        return committed

    def _is_idle(self, partition: Any) -> bool:
        done = not self._open.get(partition) and not self._acked.get(partition)
        ahead = self._passed[partition] > (self._committed_offset[partition] or 0)
        return done and ahead and bool(self.app.topics.acks_enabled_for(partition.topic))

    async def perform_seek(self) -> None:
        """Go to the committed offsets; what was delivered behind them is read again."""
        self._passed = {}
        self._open.clear()
        await super().perform_seek()
        self._passed = {}

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Forget what was delivered of partitions that go to other members."""
        self._passed = {}
        for partition in revoked:
            self._open.pop(partition, None)
        await super().on_partitions_revoked(revoked)


CommittedTransport.Consumer = _CommittedConsumer


class PositionRecovery(Recovery):
    """Faust's recovery of tables, which also ends where a changelog does not end with a record.

    Faust waits for the record before the end of each changelog. There is none if the marker of a transaction is there,
    or what an aborted one has written; then it would wait for ever.
    """

    _at_end: tuple[float | None, float] | None = None

    def need_recovery(self) -> bool:
        """Whether changelogs are still to be read. Faust asks after each record, and every 5 s without one."""
        if not super().need_recovery():
            return False
        last, now = self._last_active_event_processed_at, monotonic()
        if not self._are_positions_at_end():
            self._at_end = None
        elif self._at_end is None or self._at_end[0] != last:
            self._at_end = (last, now)  # records may still be on their way from the thread of the consumer
        elif now - self._at_end[1] >= QUIET_S:
            for partition in self._behind():
                self.active_offsets[partition] = self.active_highwaters[partition]
            return False
        return True

    def _behind(self) -> list[Any]:
        return [partition for partition, count in self.active_remaining().items() if count > 0]

    def _are_positions_at_end(self) -> bool:
        reader: Any = self.app.consumer
        client = reader._thread._consumer
        reached = {} if client is None else positions(client)
        return all(reached.get(partition, 0) > self.active_highwaters[partition] for partition in self._behind())
