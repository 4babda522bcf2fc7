"""Watches how often each intent comes, over all partitions, and says when that is a surge."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from triage_schemas.cloudevents import timestamp
from triage_schemas.events import AlertEvent
from triage_schemas.records import to_record

from triage_worker.router.office import Office
from triage_worker.router.records import Change, Message, Outgoing, Store, dead_letter
from triage_worker.router.surge import Rate, Sighting, Watcher

log = logging.getLogger(__name__)

QUIET_S = 30.0
"""An intent of which nothing came for this long has no more on its way to us, and time may pass for it."""


class Watch:
    """The alert side of the router.

    Args:
        office: what it has in common with the desk.
        store: rates by their intents.
    """

    def __init__(self, office: Office, store: Store) -> None:
        self._office = office
        self._store = store
        self._surging: dict[tuple[int, bytes], float] = {}

    async def handle(self, messages: Sequence[Message]) -> None:
        """Count what the desk has seen; when this returns, alerts and state are with the broker.

        Raises:
            KafkaError: the broker does not take it; nothing may be acknowledged.
        """
        rates: dict[tuple[int, bytes], Rate] = {}
        outgoing: list[Outgoing] = []
        for message in messages:
            try:
                outgoing += self._alerts(self._count(rates, message))
            except (ValueError, TypeError, KeyError):
                outgoing.append(
                    dead_letter(
                        self._office.topics.dead_letters,
                        message,
                        "not_a_count",
                        "not by the router",
                        self._office.clock(),
                    )
                )
        await self._settle(rates, outgoing)

    async def tick(self) -> None:
        """End surges of which nothing comes any more."""
        now = self._office.clock()
        rates: dict[tuple[int, bytes], Rate] = {}
        outgoing: list[Outgoing] = []
        for place, last in list(self._surging.items()):
            value = self._store.get(*place)
            if value is not None and now - last >= QUIET_S:
                rates[place] = Rate.load(value)
                outgoing += self._alerts(self._watcher().pass_time(rates[place], now))
        await self._settle(rates, outgoing, touched=False)

    def recovered(self) -> None:
        """The store is there, or other partitions are ours: note which surges are on."""
        now = self._office.clock()
        rates = map(Rate.load, self._store.values())
        self._surging = {(rate.partition, rate.intent.encode()): now for rate in rates if rate.alert is not None}

    def _watcher(self) -> Watcher:
        routes = self._office.routes()
        return Watcher(routes.alerts, routes.zone)

    def _count(self, rates: dict[tuple[int, bytes], Rate], message: Message) -> list[AlertEvent]:
        counts: dict[str, Any] = orjson.loads(message.value or b"")
        source, now = counts["source"], self._office.clock()
        place = (message.partition, message.key or b"")
        rate = rates.get(place)
        if rate is None:
            value = self._store.get(*place)
            rate = Rate(place[1].decode(), message.partition) if value is None else Rate.load(value)
        # After a crash the desk tells again what it told before; the offsets say how far we were.
        counted = rate.counted.get(source, -1)
        fresh = [
            Sighting(min(float(at), now), str(name)) for offset, at, name in counts["sightings"] if offset > counted
        ]
        if fresh:
            rate.counted[source] = counts["sightings"][-1][0]
        rates[place] = rate
        return self._watcher().count(rate, fresh)

    def _alerts(self, said: Iterable[AlertEvent]) -> list[Outgoing]:
        outgoing = []
        for event in said:
            self._office.metrics.alerts.labels(event.event).inc()
            log.warning(
                "Surge %s", event.event, extra={"intent": event.intent, "count": event.count, "usual": event.usual}
            )
            record = to_record(
                event,
                identity=f"{event.TYPE}:{event.alert_id}:{event.event}",
                time=timestamp(event.window_end.timestamp()),
                subject=event.intent,
            )
            outgoing.append(Outgoing(self._office.topics.alerts, event.intent.encode(), record.value, record.headers))
        return outgoing

    async def _settle(
        self, rates: dict[tuple[int, bytes], Rate], outgoing: list[Outgoing], *, touched: bool = True
    ) -> None:
        await self._office.send(outgoing)
        await self._store.write([Change(*place, rate.dump()) for place, rate in rates.items()])
        for place, rate in rates.items():
            if rate.alert is None:
                self._surging.pop(place, None)
            elif touched:
                self._surging[place] = self._office.clock()
