"""The state machine of a conversation's ticket, without I/O: a message, a time-out or a close gives the next state."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import orjson
from triage_schemas.events import TicketEntity, TicketEvent, TicketMessage

from triage_worker.router.incoming_message import IncomingMessage
from triage_worker.router.ticket_history import known_entities, known_intents, known_tags
from triage_worker.routing.routes import PRIORITIES, Priority, Route

TicketChange = Literal["opened", "updated", "escalated", "closed"]

MAX_SEEN = 512
"""How many of a conversation's latest messages are recognised as repeats."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state of a conversation: its open or last closed ticket, and the messages seen so far.

    Attributes:
        ticket_id: the ticket's id, computed from the conversation and its first message.
        conversation_id: the conversation's id.
        customer_id: the customer's id, if a message had one.
        change: the last change of the ticket.
        revision: number of changes so far; with the ticket's id, it makes the event's id.
        intent: the intent that decides queue and priority.
        intents: the intents of the messages, oldest first; consecutive repeats count once. A further wish
            is added if it is not listed yet.
        queue: where the ticket is worked on.
        priority: the highest priority of its messages.
        tags: the first tags of its messages and their routes; those of a message come before those of its route.
        due_at: when an answer is due, in seconds since the epoch; None if no time is set.
        messages: number of its messages.
        opened_at: time of its first message, in seconds since the epoch.
        updated_at: time of its last message, in seconds since the epoch.
        touched_at: when the state last changed, by the router's clock; inactivity is measured from here.
        close_after_s: seconds of inactivity after which the ticket is closed.
        seen: digests of the messages, oldest first, including those of earlier tickets.
        partition: the partition that its messages come from.
        fields: the first value of each field that its messages' routes set.
        entities: what its messages name, each once, oldest first: type, value, and currency if it has one.
        latest: what its last message asks for; empty in a state of a version that did not store it.
        confidence: of the intent, in the message that it is from; None if not known.
        message: the fields of a `triage_schemas.events.TicketMessage`, of the message that the intent is from.
        helpdesk_ticket_id: the helpdesk's ticket that the latest message with one belongs to; None if there is none.
    """

    ticket_id: str
    conversation_id: str
    customer_id: str | None
    change: TicketChange
    revision: int
    intent: str
    intents: list[str]
    queue: str
    priority: Priority
    tags: list[str]
    due_at: float | None
    messages: int
    opened_at: float
    updated_at: float
    touched_at: float
    close_after_s: int
    seen: list[str]
    partition: int
    fields: dict[str, str] = field(default_factory=dict)
    entities: list[dict[str, str]] = field(default_factory=list)
    latest: list[str] = field(default_factory=list)
    confidence: float | None = None
    message: dict[str, Any] | None = None
    helpdesk_ticket_id: str | None = None

    @classmethod
    def load(cls, value: bytes) -> "Conversation":
        """Load the JSON that `dump` made, or that of a later version, without what is new there."""
        known = {attribute.name for attribute in fields(cls)}
        return cls(**{name: kept for name, kept in orjson.loads(value).items() if name in known})

    def dump(self) -> bytes:
        """Return the state as JSON."""
        return orjson.dumps(self)

    @property
    def is_open(self) -> bool:
        """Whether the ticket is open."""
        return self.change != "closed"

    @property
    def event_id(self) -> str:
        """The id of the event about the last change."""
        return f"{TicketEvent.TYPE}:{self.ticket_id}:{self.revision}"

    def event(self) -> TicketEvent:
        """Make the event about the last change."""
        # What is empty is left out, so that it is not written.
        named: dict[str, Any] = {"fields": self.fields} if self.fields else {}
        if self.entities:
            named["entities"] = [TicketEntity(**entity) for entity in self.entities]
        if self.message is not None:
            named["message"] = TicketMessage.model_validate(self.message)
        known = (("confidence", self.confidence), ("helpdesk_ticket_id", self.helpdesk_ticket_id))
        named.update((name, value) for name, value in known if value is not None)
        return TicketEvent(
            ticket_id=self.ticket_id,
            conversation_id=self.conversation_id,
            customer_id=self.customer_id,
            event=self.change,
            status="open" if self.is_open else "closed",
            intent=self.intent,
            intents=self.intents,
            queue=self.queue,
            priority=self.priority,
            tags=self.tags,
            due_at=None if self.due_at is None else _moment(self.due_at),
            messages=self.messages,
            opened_at=_moment(self.opened_at),
            updated_at=_moment(self.updated_at),
            **named,
        )


def apply_message(
    conversation: Conversation | None,
    message: IncomingMessage,
    route: Route,
    *,
    close_after_s: int,
    partition: int,
    now: float,
) -> list[Conversation]:
    """Apply a message to a conversation.

    Args:
        conversation: the state so far; None for a conversation that is not known.
        message: the message.
        route: what the rules say about it.
        close_after_s: seconds of inactivity after which the ticket is closed from now on.
        partition: the partition that the message came from.
        now: the router's time, in seconds since the epoch.

    Returns:
        The new states in order, one for each ticket event; empty if the message is a repeat.
    """
    digest = _digest(message.identity, 8)
    if conversation is not None and digest in conversation.seen:
        return []
    closed = []
    if conversation is not None and conversation.is_open and _expired(conversation, message.at):
        # The router is behind: by the messages' own times, the ticket was closed long before this message.
        conversation = close(conversation, at=conversation.updated_at + conversation.close_after_s, now=now)
        closed = [conversation]
    seen = [*(conversation.seen if conversation else []), digest][-MAX_SEEN:]
    if conversation is None or not conversation.is_open:
        changed = _opened(message, route, close_after_s, partition)
    else:
        changed = _continued(conversation, message, route, close_after_s)
    return [*closed, replace(changed, seen=seen, touched_at=now)]


def close(conversation: Conversation, *, at: float, now: float) -> Conversation:
    """Return the state with its ticket closed.

    Args:
        conversation: the state so far.
        at: when the ticket is closed, in seconds since the epoch; not before its last message.
        now: the router's time, in seconds since the epoch.
    """
    return replace(
        conversation,
        change="closed",
        revision=conversation.revision + 1,
        updated_at=max(at, conversation.updated_at),
        touched_at=now,
    )


def next_deadline(conversation: Conversation, remember_s: int) -> float:
    """When the router has to act without a further message: close an open ticket, or remove a closed one.

    Args:
        conversation: the state so far.
        remember_s: how long the state of a closed ticket is stored, in seconds.

    Returns:
        The router's time, in seconds since the epoch.
    """
    return conversation.touched_at + (conversation.close_after_s if conversation.is_open else remember_s)


def _opened(message: IncomingMessage, route: Route, close_after_s: int, partition: int) -> Conversation:
    return Conversation(
        ticket_id="t-" + _digest(f"{message.conversation_id}\n{message.identity}", 12),
        conversation_id=message.conversation_id,
        customer_id=message.customer_id,
        change="opened",
        revision=1,
        intent=message.intent,
        intents=message.asks_for,
        latest=message.asks_for,
        queue=route.queue,
        priority=route.priority,
        tags=known_tags([], [*message.tags, *route.tags]),
        fields=dict(route.fields),
        entities=known_entities([], message.entities),
        due_at=None if route.sla_s is None else message.at + route.sla_s,
        messages=1,
        opened_at=message.at,
        updated_at=message.at,
        touched_at=message.at,
        close_after_s=close_after_s,
        seen=[],
        partition=partition,
        confidence=message.confidence,
        message=message.reference,
        helpdesk_ticket_id=message.helpdesk_ticket_id,
    )


def _continued(conversation: Conversation, message: IncomingMessage, route: Route, close_after_s: int) -> Conversation:
    """Add a message to an open ticket. A message of a higher priority escalates it, any other one updates it."""
    latest = conversation.latest or conversation.intents[-1:]
    common = replace(
        conversation,
        change="updated",
        revision=conversation.revision + 1,
        customer_id=conversation.customer_id or message.customer_id,
        intents=known_intents(conversation.intents, latest, message.intent, message.wishes),
        latest=message.asks_for,
        tags=known_tags(conversation.tags, [*message.tags, *route.tags]),
        fields={**route.fields, **conversation.fields},
        entities=known_entities(conversation.entities, message.entities),
        messages=conversation.messages + 1,
        updated_at=max(conversation.updated_at, message.at),
        close_after_s=close_after_s,
        helpdesk_ticket_id=message.helpdesk_ticket_id or conversation.helpdesk_ticket_id,
    )
    if PRIORITIES.index(route.priority) <= PRIORITIES.index(conversation.priority):
        return common
    due = [at for at in (conversation.due_at, None if route.sla_s is None else message.at + route.sla_s) if at]
    return replace(
        common,
        change="escalated",
        intent=message.intent,
        queue=route.queue,
        priority=route.priority,
        due_at=min(due, default=None),
        confidence=message.confidence,
        message=message.reference,
    )


def _expired(conversation: Conversation, at: float) -> bool:
    return at - conversation.updated_at >= conversation.close_after_s


def _digest(text: str, size: int) -> str:
    return urlsafe_b64encode(blake2b(text.encode(), digest_size=size).digest()).decode().rstrip("=")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
