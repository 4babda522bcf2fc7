"""Collects the results behind the worker: decisions of the fallback, all intents, and the tickets of the router."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from triage_schemas.events import FallbackEvent, IntentEvent, MessageEvent, ReviewEvent, TicketEvent

from triage_worker.demo.accounting_check import AccountingCheck
from triage_worker.demo.worker_results import SourceOffset


class FallbackRequest(NamedTuple):
    """A message that the worker did not accept; ``at`` in seconds since the epoch, here and below."""

    event: FallbackEvent
    at: float


class FallbackDecision(NamedTuple):
    """What the fallback made of a message: an intent, or a review by a person."""

    event: IntentEvent | ReviewEvent
    at: float


class PublishedIntent(NamedTuple):
    """An intent, of the worker or of the fallback."""

    event: IntentEvent
    at: float


class TicketChange(NamedTuple):
    """A change of a ticket."""

    event: TicketEvent
    at: float


@dataclass
class DownstreamResults:
    """Events by the offset of their message, or by conversation. A repeated event is counted, and changes nothing.

    Attributes:
        requests: messages that the worker sent to the fallback.
        decisions: what the fallback made of them.
        repeats: further decisions about messages that had one.
        intents: by conversation, in the order of publication.
        changes: of tickets, by conversation, then by ticket and its number of messages.
    """

    requests: dict[SourceOffset, FallbackRequest] = field(default_factory=dict)
    decisions: dict[SourceOffset, FallbackDecision] = field(default_factory=dict)
    repeats: int = 0
    intents: dict[str, dict[SourceOffset, PublishedIntent]] = field(default_factory=lambda: defaultdict(dict))
    changes: dict[str, dict[tuple[str, int], TicketChange]] = field(default_factory=lambda: defaultdict(dict))

    def add_request(self, offset: SourceOffset, event: FallbackEvent, at: float) -> None:
        """Add a message that the worker sent to the fallback."""
        self.requests[offset] = FallbackRequest(event, at)

    def add_decision(self, offset: SourceOffset, event: IntentEvent | ReviewEvent, at: float) -> None:
        """Add a decision of the fallback."""
        if offset in self.decisions:
            self.repeats += 1
        else:
            self.decisions[offset] = FallbackDecision(event, at)

    def add_intent(self, offset: SourceOffset, event: IntentEvent, at: float) -> None:
        """Add an intent, of the worker or of the fallback."""
        self.intents[conversation_of(event)].setdefault(offset, PublishedIntent(event, at))

    def add_change(self, event: TicketEvent, at: float) -> None:
        """Add a change of a ticket."""
        self.changes[event.conversation_id].setdefault((event.ticket_id, event.messages), TicketChange(event, at))

    def tickets(self) -> Iterator[TicketEvent]:
        """The newest event of each ticket."""
        for changes in self.changes.values():
            yield from {ticket: change.event for (ticket, _), change in sorted(changes.items())}.values()

    @property
    def decided(self) -> int:
        """Messages that the fallback decided."""
        return sum(isinstance(decision.event, IntentEvent) for decision in self.decisions.values())

    @property
    def left_to_people(self) -> int:
        """Messages that the fallback left to a person."""
        return len(self.decisions) - self.decided

    @property
    def filed(self) -> int:
        """Messages that are in tickets."""
        return sum(ticket.messages for ticket in self.tickets())

    def checks(self, accepted: int) -> list[AccountingCheck]:
        """The checks of fallback and router, by the present counts; ``accepted`` is the worker's number of intents."""
        tickets = sum(1 for _ in self.tickets())
        reviews = [one.event for one in self.decisions.values() if isinstance(one.event, ReviewEvent)]
        by_reason = Counter(review.review_reason for review in reviews).most_common()
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in by_reason)
        return [
            AccountingCheck(
                {"fallback": len(self.requests)},
                {"decided": self.decided, "for a person": self.left_to_people},
                {"unknown": len(self.decisions.keys() - self.requests.keys()), "decided twice": self.repeats},
                note=f" ({reasons})" if reasons else "",
            ),
            AccountingCheck(
                {"accepted": accepted, "decided": self.decided},
                {"filed": self.filed},
                {"duplicate tickets": tickets - len(self.changes)},
                note=f" in {tickets} tickets",
            ),
        ]


def conversation_of(event: MessageEvent) -> str:
    """The conversation of a message; a message without one is a conversation of its own."""
    return event.conversation_id or event.message_id
