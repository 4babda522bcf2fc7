"""The tickets that Triage opens in Gorgias: those whose ``external_id`` is the event's ``ticket_id``.

Gorgias has no idempotency keys, so the ticket is searched for before each attempt to create it.
"""

from collections.abc import Iterable
from typing import Any

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.adapter import Fields
from triage_worker.helpdesk.http_client import HelpdeskClient, NoResponseError
from triage_worker.helpdesk.metrics import Outcome
from triage_worker.helpdesk.ticket_fields import sets_assignment, subject, summary, tags

TICKETS = "/api/tickets"
PRIORITIES = {"low": "low", "normal": "normal", "high": "high", "urgent": "critical"}


class GorgiasOwnTickets:
    """The tickets that Triage opens in a Gorgias account. Fields are lines of their note.

    Args:
        client: authenticated with an e-mail address and an API key.
        fields: the ids of Gorgias' teams.
    """

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._teams = fields.groups

    async def upsert(self, ticket: TicketEvent) -> Outcome:
        """Create or update the ticket; see `triage_worker.helpdesk.adapter.Helpdesk`."""
        existing = await self._find(ticket)
        if existing is None and ticket.status == "closed":
            return "current"
        while existing is None:
            try:
                await self._create(ticket)
            except NoResponseError:
                existing = await self._find(ticket)
            else:
                return "created"
        names = {tag["name"] for tag in existing["tags"]}
        wanted: dict[str, Any] = {"status": ticket.status, "tags": _tag_objects(names | set(tags(ticket)))}
        if sets_assignment(ticket):
            wanted |= self._assignment(ticket)
        if all(_comparable(existing.get(name)) == _comparable(value) for name, value in wanted.items()):
            return "current"
        await self._client.call("PUT", f"{TICKETS}/{existing['id']}", wanted)
        return "updated"

    async def _find(self, ticket: TicketEvent) -> dict[str, Any] | None:
        found = await self._client.call("GET", TICKETS, query={"external_id": ticket.ticket_id})
        # The query may match more tickets than the one with exactly this id.
        tickets = [match for match in found["data"] if match.get("external_id") == ticket.ticket_id]
        return min(tickets, key=lambda match: int(match["id"]), default=None)

    async def _create(self, ticket: TicketEvent) -> None:
        note = {
            "channel": "internal-note",
            "via": "api",
            "from_agent": True,
            "body_text": summary(ticket),
        }
        body = {
            **self._assignment(ticket),
            "status": ticket.status,
            "tags": _tag_objects(tags(ticket)),
            "external_id": ticket.ticket_id,
            "channel": "api",
            "via": "api",
            "subject": subject(ticket),
            "messages": [note],
        }
        await self._client.call("POST", TICKETS, body, idempotent=False)

    def _assignment(self, ticket: TicketEvent) -> dict[str, Any]:
        assignment: dict[str, Any] = {"priority": PRIORITIES[ticket.priority]}
        if ticket.queue in self._teams:
            assignment["assignee_team"] = {"id": self._teams[ticket.queue]}
        return assignment


def _tag_objects(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in sorted(names)]


def _comparable(value: object) -> object:
    """Tags by name and teams by id, since Gorgias answers with more fields of them than a request has."""
    if isinstance(value, list):
        return sorted(tag["name"] for tag in value)
    return value["id"] if isinstance(value, dict) else value
