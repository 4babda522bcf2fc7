"""The rest of the demo's books: what was decided about the messages that the model would not vouch for, and the tickets
that came of all intents.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from triage_schemas.events import FallbackEvent, IntentEvent, MessageEvent, ReviewEvent, TicketEvent

from triage_worker.demo.law import Law
from triage_worker.demo.tally import Place


class FormattedRequest(NamedTuple):
    """A message that went to the fallback; ``at`` in seconds since the epoch."""

    event: FallbackEvent
    at: float


class Verdict(NamedTuple):
    """What the fallback made of it."""

    event: IntentEvent | ReviewEvent
    at: float


class Intent(NamedTuple):
    """An intent, whoever decided it."""

    event: IntentEvent
    at: float


class Change(NamedTuple):
    """What happened to a ticket."""

    event: TicketEvent
    at: float


@dataclass
class Cases:
    """Keeps events by where their message was read, and by conversation; a repeat counts, but changes nothing.

    Attributes:
        asked: messages that went to the fallback.
        verdicts: what it made of them.
        repeats: second verdicts on the same message.
        intents: by conversation, in the order they were published.
        changes: of tickets, by conversation, then by the ticket and how many messages it had.
    """

    asked: dict[Place, FormattedRequest] = field(default_factory=dict)
    verdicts: dict[Place, Verdict] = field(default_factory=dict)
    repeats: int = 0
    intents: dict[str, dict[Place, Intent]] = field(default_factory=lambda: defaultdict(dict))
    changes: dict[str, dict[tuple[str, int], Change]] = field(default_factory=lambda: defaultdict(dict))

    def ask(self, place: Place, event: FallbackEvent, at: float) -> None:
        """A message went to the fallback."""
        self.asked[place] = FormattedRequest(event, at)

    def verdict(self, place: Place, event: IntentEvent | ReviewEvent, at: float) -> None:
        """The fallback has decided, or left it to a person."""
        if place in self.verdicts:
            self.repeats += 1
        else:
            self.verdicts[place] = Verdict(event, at)

    def intent(self, place: Place, event: IntentEvent, at: float) -> None:
        """There is an intent."""
        self.intents[conversation_of(event)].setdefault(place, Intent(event, at))

    def change(self, event: TicketEvent, at: float) -> None:
        """Something happened to a ticket."""
        self.changes[event.conversation_id].setdefault((event.ticket_id, event.messages), Change(event, at))

    def tickets(self) -> Iterator[TicketEvent]:
        """The newest event of each ticket."""
        for changes in self.changes.values():
            yield from {ticket: change.event for (ticket, _), change in sorted(changes.items())}.values()

    @property
    def decided(self) -> int:
        """Messages that the fallback decided."""
        return sum(isinstance(verdict.event, IntentEvent) for verdict in self.verdicts.values())

    @property
    def filed(self) -> int:
        """Messages that are in tickets."""
        return sum(ticket.messages for ticket in self.tickets())

    def laws(self, accepted: int) -> list[Law]:
        """What the fallback and the router owe, as it stands; ``accepted`` intents came from the worker."""
        tickets = sum(1 for _ in self.tickets())
        why = Counter(one.event.review_reason for one in self.verdicts.values() if isinstance(one.event, ReviewEvent))
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in why.most_common())
        return [
            Law(
                {"fallback": len(self.asked)},
                {"decided": self.decided, "for a person": len(self.verdicts) - self.decided},
                {"unknown": len(self.verdicts.keys() - self.asked.keys()), "decided twice": self.repeats},
                note=f" ({reasons})" if reasons else "",
            ),
            Law(
                {"accepted": accepted, "decided": self.decided},
                {"filed": self.filed},
                {"second tickets": tickets - len(self.changes)},
                note=f" in {tickets} tickets",
            ),
        ]


def conversation_of(event: MessageEvent) -> str:
    """The conversation of a message; one that belongs to none is one of its own."""
    return event.conversation_id or event.message_id
