"""The fields of a helpdesk's ticket that are the same in every helpdesk product."""

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.ownership import INTENT_TAG

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
    """The tags that Triage sets."""
    return [*(_tag(tag) for tag in ticket.tags), intent_tag(ticket), "triage"]


def intent_tag(ticket: TicketEvent) -> str:
    """The tag that has the ticket's intent."""
    return _tag(f"{INTENT_TAG}{ticket.intent.lower()}")


def plain_tags(ticket: TicketEvent) -> list[str]:
    """The tags that Triage sets, without that of the intent."""
    return [*(tag for tag in map(_tag, ticket.tags) if not tag.startswith(INTENT_TAG)), "triage"]


def _tag(tag: str) -> str:
    """Spaces become underscores, since Zendesk splits tags at spaces."""
    return "_".join(tag.split())
