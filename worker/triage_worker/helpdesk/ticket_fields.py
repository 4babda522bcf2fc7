"""The fields of a helpdesk's ticket that are the same in every helpdesk product."""

from triage_schemas.events import TicketEvent

LONGEST_SUBJECT = 150


def sets_assignment(ticket: TicketEvent) -> bool:
    """Whether an event sets the ticket's group and priority; after any other event, agents decide them."""
    return ticket.event in ("opened", "escalated")


def subject(ticket: TicketEvent) -> str:
    """The ticket's subject line."""
    return f"{ticket.intent.replace('_', ' ').capitalize()} (conversation {ticket.conversation_id})"[:LONGEST_SUBJECT]


def summary(ticket: TicketEvent) -> str:
    """The internal note for the agent. It has no customer's text, since ticket events carry none."""
    lines = [
        f"Conversation: {ticket.conversation_id}",
        f"Customer: {ticket.customer_id or 'unknown'}",
        f"Asked for: {', '.join(ticket.intents)}",
        f"Messages: {ticket.messages}",
        f"Answer by: {ticket.due_at.isoformat() if ticket.due_at else 'no time set'}",
        *(f"{name}: {value}" for name, value in ticket.fields.items()),
    ]
    return "\n".join(lines)


def tags(ticket: TicketEvent) -> list[str]:
    """The tags that Triage sets. Spaces become underscores, since Zendesk splits tags at spaces."""
    return ["_".join(tag.split()) for tag in (*ticket.tags, f"intent_{ticket.intent.lower()}", "triage")]
