"""A classified message, as the ticket of its conversation needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A classified message, as the state machine takes it.

    Attributes:
        identity: the same for every repeat of the message.
        conversation_id: the conversation that it belongs to.
        customer_id: who wrote it, if known.
        intent: its intent.
        at: when it was classified, in seconds since the epoch.
        entities: what it names: type, value, and currency if it has one.
        wishes: what it asks for besides its intent.
        confidence: of its intent; None if not known.
        reference: the fields of a `triage_schemas.events.TicketMessage`; None if not known.
        helpdesk_ticket_id: the helpdesk's ticket that it belongs to, if any.
    """

    identity: str
    conversation_id: str
    customer_id: str | None
    intent: str
    at: float
    entities: Sequence[dict[str, str]] = ()
    wishes: Sequence[str] = ()
    confidence: float | None = None
    reference: dict[str, Any] | None = None
    helpdesk_ticket_id: str | None = None

    @property
    def tags(self) -> list[str]:
        """A tag for each further wish, so that it is not forgotten when the first is answered."""
        return [f"also_{wish.lower()}" for wish in self.wishes]

    @property
    def asks_for(self) -> list[str]:
        """Its intent and its further wishes."""
        return [self.intent, *self.wishes]
