"""Applies intent events to conversations, and publishes the ticket events that follow.

The outputs of a batch are sent before its state is stored. A crash between the two repeats the outputs with the same
event ids, and never loses one.
"""

import heapq
import logging
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage_schemas.cloudevents import Headers, timestamp
from triage_schemas.records import to_record

from triage_worker.kafka.dead_letters import make_dead_letter
from triage_worker.kafka.records import InputRecord, OutgoingRecord
from triage_worker.observability.tracing import MessageSpan, Traces, begin, outgoing
from triage_worker.router.context import RouterContext
from triage_worker.router.conversation import Conversation, apply_message, close, next_deadline
from triage_worker.router.incoming_message import IncomingMessage
from triage_worker.router.intent_counts import CountedMessage, IntentCounts
from triage_worker.router.intent_parser import InvalidIntent, ParsedIntent, parse_intent
from triage_worker.router.interfaces import StateChange, StateKey, StateStore
from triage_worker.router.ticket_history import MAX_TAGS
from triage_worker.router.topics import FORGET
from triage_worker.routing.routes import Route

log = logging.getLogger(__name__)

MAX_PER_TICK = 500
"""How many deadlines a tick handles before batches run again."""


@dataclass(slots=True)
class _Effects:
    """What a batch changes and publishes, before any of it is sent or stored.

    Attributes:
        states: the new states; None removes one.
        records: the records to send.
        counted: the messages of each intent, by the topic and partition that they were read from.
        spans: the spans to end, with the outcome and the queue.
    """

    states: dict[StateKey, Conversation | None] = field(default_factory=dict)
    records: list[OutgoingRecord] = field(default_factory=list)
    counted: dict[tuple[str, str, int], list[CountedMessage]] = field(default_factory=lambda: defaultdict(list))
    spans: list[tuple[MessageSpan, str, str]] = field(default_factory=list)


class TicketService:
    """Turns intent events into ticket events, and closes tickets after inactivity.

    Args:
        context: what it shares with the surge service.
        store: the conversations by the key that `state_key` gives.
        traces: makes the spans of messages; None makes none.
    """

    def __init__(self, context: RouterContext, store: StateStore, traces: Traces | None = None) -> None:
        self._context = context
        self._store = store
        self._traces = traces
        self._deadlines: list[tuple[float, StateKey]] = []
        self._scheduled: dict[StateKey, float] = {}
        self._said_that_tags_are_left_out = False

    async def process(self, records: Sequence[InputRecord]) -> None:
        """Process records; return when their outputs and the new states are stored.

        Raises:
            KafkaError: the broker does not accept them; none of the records may be acknowledged.
        """
        await self._context.reader.load(records)
        effects = _Effects()
        for record in records:
            self._process_record(effects, record)
        await self._commit(effects)

    async def tick(self) -> None:
        """Close tickets after inactivity, and remove the states of tickets that were closed long ago."""
        now = self._context.clock()
        remember_s = self._context.routes().remember
        effects = _Effects()
        for _ in range(MAX_PER_TICK):
            if not self._deadlines or self._deadlines[0][0] > now:
                break
            deadline, key = heapq.heappop(self._deadlines)
            if self._scheduled.get(key) != deadline:
                continue  # an earlier deadline was scheduled in the meantime
            del self._scheduled[key]
            conversation = self._load(key)
            if conversation is None:
                continue
            if next_deadline(conversation, remember_s) > now:
                self._schedule(key, conversation)
            elif conversation.is_open:
                self._context.metrics.ticket_events.labels("closed").inc()
                self._update(effects, key, close(conversation, at=now, now=now), [])
            else:
                effects.states[key] = None
        await self._commit(effects)

    def on_recovered(self) -> None:
        """Schedule the deadlines of all stored conversations, after the store was recovered for new partitions."""
        remember_s = self._context.routes().remember
        self._scheduled = {
            state_key(conversation.partition, conversation.conversation_id): next_deadline(conversation, remember_s)
            for conversation in map(Conversation.load, self._store.values())
        }
        self._deadlines = [(deadline, key) for key, deadline in self._scheduled.items()]
        heapq.heapify(self._deadlines)
        self._context.metrics.tickets_known.set(len(self._deadlines))

    def _process_record(self, effects: _Effects, record: InputRecord) -> None:
        topics = self._context.topics
        asked = [value for name, value in record.headers or () if name == FORGET]
        if record.topic == topics.keyed and asked:
            self._forget(effects, record, asked[0].decode("utf-8", "replace"))
            return
        parsed = parse_intent(record, self._context.reader)
        if isinstance(parsed, InvalidIntent):
            self._reject(effects, record, parsed)
        elif record.key is None and record.topic == topics.intents:
            # A record without a key is on a random partition. The key brings a conversation's messages together.
            key = parsed.message.conversation_id.encode()
            effects.records.append(OutgoingRecord(topics.keyed, key, record.value, record.headers or ()))
        else:
            self._apply(effects, record, parsed)

    def _forget(self, effects: _Effects, record: InputRecord, ticket_id: str) -> None:
        """Remove a conversation's state, and its ticket from the topic, which keeps the newest event of each.

        A request may be read late, or again after a crash: a ticket that was opened since then stays. If nothing is
        known, the crash may have come before the changelog was written, so that is done again, too.
        """
        key = state_key(record.partition, (record.key or b"").decode("utf-8", "replace"))
        known = effects.states[key] if key in effects.states else self._load(key)
        self._context.metrics.intents.labels("forgotten").inc()
        if known is None or known.ticket_id == ticket_id:
            effects.states[key] = None
            effects.records.append(OutgoingRecord(self._context.topics.tickets, ticket_id.encode(), None, ()))

    def _reject(self, effects: _Effects, record: InputRecord, invalid: InvalidIntent) -> None:
        context = self._context
        context.metrics.intents.labels("dead_letter").inc()
        topic, now = context.topics.dead_letters, context.clock()
        effects.records.append(make_dead_letter(topic, record, invalid.code, invalid.reason, now=now))

    def _apply(self, effects: _Effects, record: InputRecord, parsed: ParsedIntent) -> None:
        """Apply a message to its conversation, whose state the batch may have changed already."""
        routes, metrics, message = self._context.routes(), self._context.metrics, parsed.message
        key = state_key(record.partition, message.conversation_id)
        known = effects.states[key] if key in effects.states else self._load(key)
        route = routes.route(parsed.facts)
        span = begin(self._traces, record)
        trace = outgoing(record.headers or (), span)
        states = apply_message(
            known,
            message,
            route,
            close_after_s=routes.close_after,
            partition=record.partition,
            now=self._context.clock(),
        )
        if span is not None:
            span.about(parsed.message_id)
            effects.spans.append((span, "filed" if states else "repeat", route.queue))
        if not states:
            metrics.intents.labels("repeat").inc()
            if known is not None and key not in effects.states:
                # The router may have crashed before the last event or state was stored, so both are written again.
                self._update(effects, key, known, trace)
            return
        metrics.intents.labels("filed").inc()
        metrics.routed.labels(route.queue, route.priority).inc()
        for state in states:
            metrics.ticket_events.labels(state.change).inc()
            self._update(effects, key, state, trace)
        self._note_tags_left_out(states[-1], message, route)
        counted = CountedMessage(record.offset, message.at, parsed.message_id)
        effects.counted[message.intent, record.topic, record.partition].append(counted)

    def _note_tags_left_out(self, conversation: Conversation, message: IncomingMessage, route: Route) -> None:
        """Count the tags for which a ticket has no room, and log the first time: its rule goes on making them."""
        left_out = {*message.tags, *route.tags}.difference(conversation.tags)
        self._context.metrics.tags_left_out.inc(len(left_out))
        if left_out and not self._said_that_tags_are_left_out:
            self._said_that_tags_are_left_out = True
            log.warning(
                f"A ticket has {MAX_TAGS} tags, and gets no more; triage_router_tags_left_out_total counts on",
                extra={"ticket_id": conversation.ticket_id, "rule": route.rule},
            )

    def _update(self, effects: _Effects, key: StateKey, conversation: Conversation, trace: Headers) -> None:
        """Set a conversation's new state and publish the event about its last change."""
        effects.states[key] = conversation
        value, headers = to_record(
            conversation.event(),
            identity=conversation.event_id,
            time=timestamp(conversation.updated_at),
            subject=conversation.ticket_id,
            trace=trace,
            encoding=self._context.encoding,
        )
        ticket_id = conversation.ticket_id.encode()
        effects.records.append(OutgoingRecord(self._context.topics.tickets, ticket_id, value, headers))

    def _counts(self, effects: _Effects) -> Iterator[OutgoingRecord]:
        """The records for the surge service, which reads all counts of an intent on one partition."""
        for (intent, topic, partition), messages in effects.counted.items():
            counts = IntentCounts(f"{topic}:{partition}", messages)
            yield OutgoingRecord(self._context.topics.counts, intent.encode(), counts.dump(), ())

    async def _commit(self, effects: _Effects) -> None:
        """Send the records, then store the states; return when both are acknowledged."""
        await self._context.send([*effects.records, *self._counts(effects)])
        changes = [StateChange(*key, None if state is None else state.dump()) for key, state in effects.states.items()]
        await self._store.write(changes)
        for span, outcome, queue in effects.spans:
            span.end(outcome, queue)
        for key, state in effects.states.items():
            if state is not None:
                self._schedule(key, state)

    def _schedule(self, key: StateKey, conversation: Conversation) -> None:
        """Schedule a conversation's deadline unless an earlier one is scheduled, which is then checked again."""
        deadline = next_deadline(conversation, self._context.routes().remember)
        if deadline < self._scheduled.get(key, math.inf):
            self._scheduled[key] = deadline
            heapq.heappush(self._deadlines, (deadline, key))

    def _load(self, key: StateKey) -> Conversation | None:
        value = self._store.get(*key)
        return None if value is None else Conversation.load(value)


def state_key(partition: int, conversation_id: str) -> StateKey:
    """The key of a conversation in the state store; never empty."""
    return StateKey(partition, b"c:" + conversation_id.encode())
