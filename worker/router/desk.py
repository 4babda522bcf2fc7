"""Files intents under tickets.

What is sent has arrived before the state that says so is written: a crash between the two sends it again with the same
id, and never leaves it out.
"""

import heapq
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import time

import orjson

from schemas.cloudevents import Headers, timestamp
from schemas.records import to_record
from worker.router.conversation import Conversation, close, file, look_at
from worker.router.intents import Filed, Unreadable, read
from worker.router.metrics import RouterMetrics
from worker.router.records import Change, Message, Outgoing, Sender, Store, dead_letter
from worker.router.routes import Routes
from worker.router.topics import RouterTopics
from worker.tracing import MessageSpan, Traces, begin, ids, outgoing

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Tickets that are closed or forgotten before messages get their turn again."""


@dataclass(slots=True)
class _Batch:
    """What comes of some records, before any of it is sent or written."""

    states: dict[tuple[int, bytes], Conversation | None] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)
    sightings: dict[tuple[str, str, int], list[tuple[int, float, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    spans: list[tuple[MessageSpan, str, str]] = field(default_factory=list)


class Desk:
    """The ticket side of the router.

    Args:
        topics: where to send what.
        store: conversations by their key; see `key_of`.
        send: sends records.
        routes: gives the rules in force.
        metrics: where to count.
        clock: seconds since the epoch.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(
        self,
        topics: RouterTopics,
        store: Store,
        send: Sender,
        routes: Callable[[], Routes],
        metrics: RouterMetrics,
        clock: Callable[[], float] = time,
        traces: Traces | None = None,
    ) -> None:
        self._topics = topics
        self._store = store
        self._send = send
        self._routes = routes
        self._metrics = metrics
        self._clock = clock
        self._traces = traces
        self._due: list[tuple[float, int, bytes]] = []

    async def handle(self, messages: Sequence[Message]) -> None:
        """Work on records; when this returns, all that they give rise to is with the broker.

        Raises:
            KafkaError: the broker does not take it; nothing may be acknowledged.
        """
        batch = _Batch()
        for message in messages:
            self._read(batch, message)
        await self._settle(batch)

    async def tick(self) -> None:
        """Close tickets that were silent for too long, and forget those closed long ago."""
        now = self._clock()
        remember_s = self._routes().remember
        batch = _Batch()
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            _, partition, key = heapq.heappop(self._due)
            conversation = self._load(partition, key)
            if conversation is None or look_at(conversation, remember_s) > now:
                continue
            if conversation.is_open:
                self._metrics.ticket_events.labels("closed").inc()
                self._keep(batch, partition, close(conversation, at=now, now=now), [])
            else:
                batch.states[partition, key] = None
        await self._settle(batch)

    def recovered(self) -> None:
        """The store is there, or other partitions are ours: note again when to look at what."""
        remember_s = self._routes().remember
        self._due = [
            (look_at(conversation, remember_s), conversation.partition, key_of(conversation.conversation_id))
            for conversation in map(Conversation.load, self._store.values())
        ]
        heapq.heapify(self._due)
        self._metrics.tickets_known.set(len(self._due))

    def _read(self, batch: _Batch, message: Message) -> None:
        """Work on one record: file it, put it aside, or send it to where its conversation is."""
        found = read(message)
        if isinstance(found, Unreadable):
            self._refuse(batch, message, found)
        elif message.key is None and message.topic == self._topics.intents:
            # Without a key it lies on any partition: the messages of a conversation have to meet on one.
            key = found.arrival.conversation_id.encode()
            batch.outgoing.append(Outgoing(self._topics.keyed, key, message.value, message.headers or ()))
        else:
            self._file(batch, message, found)

    def _refuse(self, batch: _Batch, message: Message, unreadable: Unreadable) -> None:
        self._metrics.intents.labels("dead_letter").inc()
        where = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
        extra = {**where, **unreadable._asdict(), **ids(message.headers or ())}
        log.warning("Not an intent, put aside", extra=extra)
        batch.outgoing.append(dead_letter(self._topics.dead_letters, message, *unreadable, self._clock()))

    def _file(self, batch: _Batch, message: Message, filed: Filed) -> None:
        """File one message, in the light of what else is in the batch."""
        routes, arrival = self._routes(), filed.arrival
        place = (message.partition, key_of(arrival.conversation_id))
        known = batch.states[place] if place in batch.states else self._load(*place)
        route = routes.route(filed.facts)
        span = begin(self._traces, message)
        trace = outgoing(message.headers or (), span)
        states = file(
            known,
            arrival,
            route,
            close_after_s=routes.close_after,
            partition=message.partition,
            now=self._clock(),
        )
        if span is not None:
            span.about(filed.message_id)
            batch.spans.append((span, "filed" if states else "repeat", route.queue))
        if not states:
            self._metrics.intents.labels("repeat").inc()
            if known is not None and place not in batch.states:
                # Perhaps we died before the changelog or a reader heard of it: say it again.
                self._keep(batch, message.partition, known, trace)
            return
        self._metrics.intents.labels("filed").inc()
        self._metrics.routed.labels(route.queue, route.priority).inc()
        for state in states:
            self._metrics.ticket_events.labels(state.change).inc()
            self._keep(batch, message.partition, state, trace)
        seen = (message.offset, arrival.at, filed.message_id)
        batch.sightings[arrival.intent, message.topic, message.partition].append(seen)

    def _keep(self, batch: _Batch, partition: int, conversation: Conversation, trace: Headers) -> None:
        batch.states[partition, key_of(conversation.conversation_id)] = conversation
        record = to_record(
            conversation.event(),
            identity=conversation.event_id,
            time=timestamp(conversation.updated_at),
            subject=conversation.ticket_id,
            trace=trace,
        )
        key = conversation.ticket_id.encode()
        batch.outgoing.append(Outgoing(self._topics.tickets, key, record.value, record.headers))

    def _counts(self, batch: _Batch) -> Iterator[Outgoing]:
        """For the watch, which has all messages of an intent in one place: what was seen of each."""
        for (intent, source, partition), sightings in batch.sightings.items():
            value = orjson.dumps({"source": f"{source}:{partition}", "sightings": sightings})
            yield Outgoing(self._topics.counts, intent.encode(), value, ())

    async def _settle(self, batch: _Batch) -> None:
        """Send, then write; return when both are safe."""
        await self._send([*batch.outgoing, *self._counts(batch)])
        changes = [
            Change(partition, key, None if state is None else state.dump())
            for (partition, key), state in batch.states.items()
        ]
        await self._store.write(changes)
        for span, outcome, label in batch.spans:
            span.end(outcome, label)
        remember_s = self._routes().remember
        for (partition, key), state in batch.states.items():
            if state is not None:
                heapq.heappush(self._due, (look_at(state, remember_s), partition, key))

    def _load(self, partition: int, key: bytes) -> Conversation | None:
        value = self._store.get(partition, key)
        return None if value is None else Conversation.load(value)


def key_of(conversation_id: str) -> bytes:
    """The store's key of a conversation; never empty."""
    return b"c:" + conversation_id.encode()
