"""Counts the messages of each intent over all partitions, and publishes an alert when a surge starts or ends."""

import logging
from collections.abc import Iterable, Sequence

from triage_schemas.cloudevents import timestamp
from triage_schemas.events import AlertEvent
from triage_schemas.records import to_record

from triage_worker.kafka.dead_letters import make_dead_letter
from triage_worker.kafka.records import InputRecord, OutgoingRecord
from triage_worker.router.context import RouterContext
from triage_worker.router.intent_counts import IntentCounts
from triage_worker.router.interfaces import StateChange, StateKey, StateStore
from triage_worker.router.surge_detector import IntentRate, Occurrence, SurgeDetector

log = logging.getLogger(__name__)

IDLE_AFTER_S = 30.0
"""After this long without counts of an intent, none are on their way, and the router's clock may end its surge."""


class SurgeService:
    """Turns the counts of intents into surge alerts.

    Args:
        context: what it shares with the ticket service.
        store: the `IntentRate` of each intent.
    """

    def __init__(self, context: RouterContext, store: StateStore) -> None:
        self._context = context
        self._store = store
        self._surging: dict[StateKey, float] = {}

    async def process(self, records: Sequence[InputRecord]) -> None:
        """Process records of the counts topic; return when alerts and states are stored.

        Raises:
            KafkaError: the broker does not accept them; none of the records may be acknowledged.
        """
        context = self._context
        rates: dict[StateKey, IntentRate] = {}
        outgoing: list[OutgoingRecord] = []
        for record in records:
            try:
                outgoing += self._alert_records(self._count(rates, record))
            except (ValueError, TypeError, KeyError):
                topic, reason = context.topics.dead_letters, "the record was not written by the router"
                outgoing.append(make_dead_letter(topic, record, "not_a_count", reason, now=context.clock()))
        await self._commit(rates, outgoing)

    async def tick(self) -> None:
        """End surges of intents that no longer occur."""
        now = self._context.clock()
        rates: dict[StateKey, IntentRate] = {}
        outgoing: list[OutgoingRecord] = []
        for key, last_counted in list(self._surging.items()):
            value = self._store.get(*key)
            if value is not None and now - last_counted >= IDLE_AFTER_S:
                rates[key] = IntentRate.load(value)
                outgoing += self._alert_records(self._detector().advance(rates[key], now))
        await self._commit(rates, outgoing, counted=False)

    def on_recovered(self) -> None:
        """Find the current surges, after the store was recovered for new partitions."""
        now = self._context.clock()
        rates = map(IntentRate.load, self._store.values())
        self._surging = {
            StateKey(rate.partition, rate.intent.encode()): now for rate in rates if rate.alert is not None
        }

    def _detector(self) -> SurgeDetector:
        routes = self._context.routes()
        return SurgeDetector(routes.alerts, routes.zone)

    def _count(self, rates: dict[StateKey, IntentRate], record: InputRecord) -> list[AlertEvent]:
        counts, now = IntentCounts.load(record.value or b""), self._context.clock()
        key = StateKey(record.partition, record.key or b"")
        rate = rates.get(key)
        if rate is None:
            value = self._store.get(*key)
            rate = IntentRate(key.key.decode(), key.partition) if value is None else IntentRate.load(value)
        # After a crash, the ticket service sends its last counts again. Their offsets show which are counted already.
        counted = rate.counted.get(counts.source, -1)
        occurrences = [
            Occurrence(min(message.at, now), message.message_id)
            for message in counts.messages
            if message.offset > counted
        ]
        if occurrences:
            rate.counted[counts.source] = counts.messages[-1].offset
        rates[key] = rate
        return self._detector().count(rate, occurrences)

    def _alert_records(self, alerts: Iterable[AlertEvent]) -> list[OutgoingRecord]:
        records = []
        for alert in alerts:
            self._context.metrics.alerts.labels(alert.event).inc()
            extra = {"intent": alert.intent, "count": alert.count, "usual": alert.usual}
            log.warning("Surge %s", alert.event, extra=extra)
            value, headers = to_record(
                alert,
                identity=f"{alert.TYPE}:{alert.alert_id}:{alert.event}",
                time=timestamp(alert.window_end.timestamp()),
                subject=alert.intent,
                encoding=self._context.encoding,
            )
            records.append(OutgoingRecord(self._context.topics.alerts, alert.intent.encode(), value, headers))
        return records

    async def _commit(
        self, rates: dict[StateKey, IntentRate], outgoing: list[OutgoingRecord], *, counted: bool = True
    ) -> None:
        """Send the records, then store the states; return when both are acknowledged."""
        await self._context.send(outgoing)
        await self._store.write([StateChange(*key, rate.dump()) for key, rate in rates.items()])
        for key, rate in rates.items():
            if rate.alert is None:
                self._surging.pop(key, None)
            elif counted:
                self._surging[key] = self._context.clock()
