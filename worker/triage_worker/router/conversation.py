"""A conversation and its ticket: what a message, silence and time do to them. Plain values in and out."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

import orjson
from triage_schemas.events import TicketEvent

from triage_worker.routing.routes import PRIORITIES, Priority, Route

Change = Literal["opened", "updated", "escalated", "closed"]

REMEMBERED_MESSAGES = 512
"""So many messages of a conversation are recognised when they come again."""

HISTORY = 100
"""The longest history of intents that a ticket carries."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message to file. ``identity`` is the same whenever it comes again; ``at`` in seconds since the epoch."""

    identity: str
    conversation_id: str
    customer_id: str | None
    intent: str
    at: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's ticket, open or the last one closed, and what is needed to recognise repeats.

    Attributes:
        change: what happened to the ticket last.
        revision: how often something happened to it; with the ticket's id, this names the event.
        touched_at: when we last worked on it, by our clock, which silence is measured by.
        close_after_s: silence after which it is closed.
        seen: digests of the messages that are in it, oldest first; those of earlier tickets stay.
        partition: where its messages come from.
    """

    ticket_id: str
    conversation_id: str
    customer_id: str | None
    change: Change
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

    @classmethod
    def load(cls, value: bytes) -> "Conversation":
        """Read what `dump` wrote."""
        return cls(**orjson.loads(value))

    def dump(self) -> bytes:
        """The conversation as JSON."""
        return orjson.dumps(self)

    @property
    def is_open(self) -> bool:
        """Whether its ticket is open."""
        return self.change != "closed"

    @property
    def event_id(self) -> str:
        """The id of the event that tells of the last change."""
        return f"{TicketEvent.TYPE}:{self.ticket_id}:{self.revision}"

    def event(self) -> TicketEvent:
        """The event that tells of the last change."""
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
        )


def file(
    conversation: Conversation | None, arrival: Arrival, route: Route, *, close_after_s: int, partition: int, now: float
) -> list[Conversation]:
    """The states that a message takes its conversation through, in order; none if it was in it before."""
    digest = _digest(arrival.identity, 8)
    if conversation is not None and digest in conversation.seen:
        return []
    closed = []
    if conversation is not None and conversation.is_open and _silent_until(conversation, arrival.at):
        # We come to this message late: by its own clock, the ticket was closed long before.
        conversation = close(conversation, at=conversation.updated_at + conversation.close_after_s, now=now)
        closed = [conversation]
    seen = [*(conversation.seen if conversation else []), digest][-REMEMBERED_MESSAGES:]
    if conversation is None or not conversation.is_open:
        filed = _opened(arrival, route, close_after_s, partition)
    else:
        filed = _continued(conversation, arrival, route, close_after_s)
    return [*closed, replace(filed, seen=seen, touched_at=now)]


def close(conversation: Conversation, *, at: float, now: float) -> Conversation:
    """The conversation with its ticket closed."""
    return replace(
        conversation,
        change="closed",
        revision=conversation.revision + 1,
        updated_at=max(at, conversation.updated_at),
        touched_at=now,
    )


def look_at(conversation: Conversation, remember_s: int) -> float:
    """When, by our clock, something is to be done about it if nothing comes: close an open one, forget a closed one."""
    return conversation.touched_at + (conversation.close_after_s if conversation.is_open else remember_s)


def _opened(arrival: Arrival, route: Route, close_after_s: int, partition: int) -> Conversation:
    return Conversation(
        ticket_id="t-" + _digest(f"{arrival.conversation_id}\n{arrival.identity}", 12),
        conversation_id=arrival.conversation_id,
        customer_id=arrival.customer_id,
        change="opened",
        revision=1,
        intent=arrival.intent,
        intents=[arrival.intent],
        queue=route.queue,
        priority=route.priority,
        tags=list(route.tags),
        due_at=None if route.sla_s is None else arrival.at + route.sla_s,
        messages=1,
        opened_at=arrival.at,
        updated_at=arrival.at,
        touched_at=arrival.at,
        close_after_s=close_after_s,
        seen=[],
        partition=partition,
    )


def _continued(conversation: Conversation, arrival: Arrival, route: Route, close_after_s: int) -> Conversation:
    """One more message. What is more urgent than the ticket takes it over; what is not adds to it."""
    intents = conversation.intents
    if arrival.intent != intents[-1]:
        intents = [*intents, arrival.intent][-HISTORY:]
    common = replace(
        conversation,
        change="updated",
        revision=conversation.revision + 1,
        customer_id=conversation.customer_id or arrival.customer_id,
        intents=intents,
        tags=[*conversation.tags, *(tag for tag in route.tags if tag not in conversation.tags)],
        messages=conversation.messages + 1,
        updated_at=max(conversation.updated_at, arrival.at),
        close_after_s=close_after_s,
    )
    if PRIORITIES.index(route.priority) <= PRIORITIES.index(conversation.priority):
        return common
    due = [at for at in (conversation.due_at, None if route.sla_s is None else arrival.at + route.sla_s) if at]
    return replace(
        common,
        change="escalated",
        intent=arrival.intent,
        queue=route.queue,
        priority=route.priority,
        due_at=min(due, default=None),
    )


def _silent_until(conversation: Conversation, at: float) -> bool:
    return at - conversation.updated_at >= conversation.close_after_s


def _digest(text: str, size: int) -> str:
    return urlsafe_b64encode(blake2b(text.encode(), digest_size=size).digest()).decode().rstrip("=")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
