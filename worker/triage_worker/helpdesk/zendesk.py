"""Zendesk's Ticketing API. Our ticket is the one whose ``external_id`` is our ticket id."""

from collections.abc import Mapping
from typing import Any

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.client import Client
from triage_worker.helpdesk.desks import Outcome, marks, sets_place, subject, summary

TICKETS = "/api/v2/tickets"


class Zendesk:
    """Tickets of a Zendesk account.

    Args:
        client: logged in as ``user/token``.
        groups: the id of the Zendesk group for a queue.
    """

    def __init__(self, client: Client, groups: Mapping[str, int]) -> None:
        self._client = client
        self._groups = groups

    async def put(self, ticket: TicketEvent) -> Outcome:
        """As the protocol says."""
        found = await self._client.call("GET", f"{TICKETS}.json", query={"external_id": ticket.ticket_id})
        there: dict[str, Any] | None = min(found["tickets"], key=lambda one: int(one["id"]), default=None)
        if there is None:
            return await self._create(ticket)
        if there["status"] == "closed":
            return "current"  # Zendesk keeps closed tickets as they are for good
        wanted = {"tags": sorted({*there["tags"], *marks(ticket)}), "status": _status(ticket, there)}
        if sets_place(ticket):
            wanted |= self._place(ticket)
        if all(_as_compared(there.get(name)) == _as_compared(value) for name, value in wanted.items()):
            return "current"
        await self._client.call("PUT", f"{TICKETS}/{there['id']}.json", {"ticket": wanted})
        return "updated"

    async def _create(self, ticket: TicketEvent) -> Outcome:
        """Make it. Should an answer get lost, the key lets Zendesk tell that it has made it already."""
        if ticket.status == "closed":
            return "current"
        body = {
            **self._place(ticket),
            "tags": marks(ticket),
            "external_id": ticket.ticket_id,
            "subject": subject(ticket),
            "comment": {"body": summary(ticket), "public": False},
        }
        key = {"Idempotency-Key": ticket.ticket_id}
        await self._client.call("POST", f"{TICKETS}.json", {"ticket": body}, headers=key)
        return "created"

    def _place(self, ticket: TicketEvent) -> dict[str, Any]:
        place: dict[str, Any] = {"priority": ticket.priority}
        if ticket.queue in self._groups:
            place["group_id"] = self._groups[ticket.queue]
        return place


def _status(ticket: TicketEvent, there: Mapping[str, Any]) -> str:
    """A customer who writes again opens what waits for them or was solved. Zendesk solves nothing without assignee."""
    now = str(there["status"])
    if ticket.status == "closed":
        return now if there.get("assignee_id") is None else "solved"
    return now if now in ("new", "open") else "open"


def _as_compared(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value
