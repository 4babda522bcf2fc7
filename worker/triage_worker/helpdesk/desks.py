"""What the helpdesks have in common: to bring a ticket there to the state that an event tells of."""

from typing import Literal, Protocol

from triage_schemas.events import TicketEvent

Outcome = Literal["created", "updated", "current"]


class Helpdesk(Protocol):
    """One helpdesk."""

    async def put(self, ticket: TicketEvent) -> Outcome:
        """Bring the ticket there to this state. Done twice, it is as done once.

        Raises:
            Refused: the helpdesk will not have it.
            ConfigError: it refuses the login.
        """


def sets_place(ticket: TicketEvent) -> bool:
    """Whether an event says where the ticket lies and how urgent it is: else that is the agents' to change."""
    return ticket.event in ("opened", "escalated")


def subject(ticket: TicketEvent) -> str:
    """The first line that an agent sees."""
    return f"{ticket.intent.replace('_', ' ').capitalize()} (conversation {ticket.conversation_id})"[:150]


def summary(ticket: TicketEvent) -> str:
    """What an agent should know. The customers' words are not on our topic, so they are not here either."""
    lines = [
        f"Conversation: {ticket.conversation_id}",
        f"Customer: {ticket.customer_id or 'unknown'}",
        f"Asked for: {', '.join(ticket.intents)}",
        f"Messages: {ticket.messages}",
        f"Answer by: {ticket.due_at.isoformat() if ticket.due_at else 'no time set'}",
    ]
    return "\n".join(lines)


def marks(ticket: TicketEvent) -> list[str]:
    """The tags that are ours, without spaces, which Zendesk would split at."""
    return ["_".join(tag.split()) for tag in (*ticket.tags, f"intent_{ticket.intent.lower()}", "triage")]
