"""Files intents under tickets.

What is sent has arrived before the state that says so is written: a crash between the two sends it again with the same
id, and never leaves it out.
"""

import heapq
import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson
from triage_schemas.cloudevents import Headers, timestamp
from triage_schemas.records import to_record

from triage_worker.observability.tracing import MessageSpan, Traces, begin, ids, outgoing
from triage_worker.router.conversation import Conversation, close, file, look_at
from triage_worker.router.intents import Filed, Unreadable, read
from triage_worker.router.office import Office
from triage_worker.router.records import Change, Message, Outgoing, Store, dead_letter

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
        office: what it has in common with the watch.
        store: conversations by their key; see `key_of`.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(self, office: Office, store: Store, traces: Traces | None = None) -> None:
        self._office = office
        self._store = store
        self._traces = traces
        self._due: list[tuple[float, int, bytes]] = []
        self._noted: dict[tuple[int, bytes], float] = {}

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
        now = self._office.clock()
        remember_s = self._office.routes().remember
        batch = _Batch()
        for _ in range(AT_ONCE):
            if not self._due or self._due[0][0] > now:
                break
            at, partition, key = heapq.heappop(self._due)
            if self._noted.get((partition, key)) != at:
                continue  # it was noted for an earlier time since
            del self._noted[partition, key]
            conversation = self._load(partition, key)
            if conversation is None:
                continue
            if look_at(conversation, remember_s) > now:
                self._note(partition, key, conversation)
            elif conversation.is_open:
                self._office.metrics.ticket_events.labels("closed").inc()
                self._keep(batch, partition, close(conversation, at=now, now=now), [])
            else:
                batch.states[partition, key] = None
        await self._settle(batch)

    def recovered(self) -> None:
        """The store is there, or other partitions are ours: note again when to look at what."""
        remember_s = self._office.routes().remember
        self._noted = {
            (conversation.partition, key_of(conversation.conversation_id)): look_at(conversation, remember_s)
            for conversation in map(Conversation.load, self._store.values())
        }
        self._due = [(at, *place) for place, at in self._noted.items()]
        heapq.heapify(self._due)
        self._office.metrics.tickets_known.set(len(self._due))

    def _read(self, batch: _Batch, message: Message) -> None:
        """Work on one record: file it, put it aside, or send it to where its conversation is."""
        found = read(message)
        if isinstance(found, Unreadable):
            self._refuse(batch, message, found)
        elif message.key is None and message.topic == self._office.topics.intents:
            # Without a key it lies on any partition: the messages of a conversation have to meet on one.
            key = found.arrival.conversation_id.encode()
            batch.outgoing.append(Outgoing(self._office.topics.keyed, key, message.value, message.headers or ()))
        else:
            self._file(batch, message, found)

    def _refuse(self, batch: _Batch, message: Message, unreadable: Unreadable) -> None:
        self._office.metrics.intents.labels("dead_letter").inc()
        where = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
        extra = {**where, **unreadable._asdict(), **ids(message.headers or ())}
        log.warning("Not an intent, put aside", extra=extra)
        batch.outgoing.append(dead_letter(self._office.topics.dead_letters, message, *unreadable, self._office.clock()))

    def _file(self, batch: _Batch, message: Message, filed: Filed) -> None:
        """File one message, in the light of what else is in the batch."""
        routes, arrival = self._office.routes(), filed.arrival
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
            now=self._office.clock(),
        )
        if span is not None:
            span.about(filed.message_id)
            batch.spans.append((span, "filed" if states else "repeat", route.queue))
        if not states:
            self._office.metrics.intents.labels("repeat").inc()
            if known is not None and place not in batch.states:
                # Perhaps we died before the changelog or a reader heard of it: say it again.
                self._keep(batch, message.partition, known, trace)
            return
        self._office.metrics.intents.labels("filed").inc()
        self._office.metrics.routed.labels(route.queue, route.priority).inc()
        for state in states:
            self._office.metrics.ticket_events.labels(state.change).inc()
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
        batch.outgoing.append(Outgoing(self._office.topics.tickets, key, record.value, record.headers))

    def _counts(self, batch: _Batch) -> Iterator[Outgoing]:
        """For the watch, which has all messages of an intent in one place: what was seen of each."""
        for (intent, source, partition), sightings in batch.sightings.items():
            value = orjson.dumps({"source": f"{source}:{partition}", "sightings": sightings})
            yield Outgoing(self._office.topics.counts, intent.encode(), value, ())

    async def _settle(self, batch: _Batch) -> None:
        """Send, then write; return when both are safe."""
        await self._office.send([*batch.outgoing, *self._counts(batch)])
        changes = [
            Change(partition, key, None if state is None else state.dump())
            for (partition, key), state in batch.states.items()
        ]
        await self._store.write(changes)
        for span, outcome, label in batch.spans:
            span.end(outcome, label)
        for (partition, key), state in batch.states.items():
            if state is not None:
                self._note(partition, key, state)

    def _note(self, partition: int, key: bytes, conversation: Conversation) -> None:
        """Note when to look at it, unless that is noted for an earlier time: most are not silent for long."""
        at = look_at(conversation, self._office.routes().remember)
        if at < self._noted.get((partition, key), math.inf):
            self._noted[partition, key] = at
            heapq.heappush(self._due, (at, partition, key))

    def _load(self, partition: int, key: bytes) -> Conversation | None:
        value = self._store.get(partition, key)
        return None if value is None else Conversation.load(value)


def key_of(conversation_id: str) -> bytes:
    """The store's key of a conversation; never empty."""
    return b"c:" + conversation_id.encode()
