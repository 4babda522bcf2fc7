"""Makes Faust read as the other services do: committed records only. Only the router imports this module.

Faust reads committed records if it also writes in transactions (``processing_guarantee="exactly_once"``), and has no
other setting for it. It refuses a session time-out above its time-out of requests, which it would also apply to each
request to a broker that hangs.
"""

from time import monotonic
from typing import Any

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
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


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
