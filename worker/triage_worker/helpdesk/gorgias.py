"""Gorgias' REST API. Our ticket is the one whose ``external_id`` is our ticket id.

Gorgias has no keys for idempotence: a ticket is looked for before each attempt to make it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.client import Client, Unanswered
from triage_worker.helpdesk.desks import Outcome, marks, sets_place, subject, summary

TICKETS = "/api/tickets"
PRIORITIES = {"low": "low", "normal": "normal", "high": "high", "urgent": "critical"}


class Gorgias:
    """Tickets of a Gorgias account.

    Args:
        client: logged in by e-mail address and API key.
        teams: the id of the Gorgias team for a queue.
    """

    def __init__(self, client: Client, teams: Mapping[str, int]) -> None:
        self._client = client
        self._teams = teams

    async def put(self, ticket: TicketEvent) -> Outcome:
        """As the protocol says."""
        there = await self._find(ticket)
        if there is None and ticket.status == "closed":
            return "current"
        while there is None:
            try:
                await self._create(ticket)
            except Unanswered:
                there = await self._find(ticket)
            else:
                return "created"
        names = {tag["name"] for tag in there["tags"]}
        wanted: dict[str, Any] = {"status": ticket.status, "tags": _named(names | set(marks(ticket)))}
        if sets_place(ticket):
            wanted |= self._place(ticket)
        if all(_as_compared(there.get(name)) == _as_compared(value) for name, value in wanted.items()):
            return "current"
        await self._client.call("PUT", f"{TICKETS}/{there['id']}", wanted)
        return "updated"

    async def _find(self, ticket: TicketEvent) -> dict[str, Any] | None:
        found = await self._client.call("GET", TICKETS, query={"external_id": ticket.ticket_id})
        # Whatever else the filter lets through is not ours.
        tickets = [one for one in found["data"] if one.get("external_id") == ticket.ticket_id]
        return min(tickets, key=lambda one: int(one["id"]), default=None)

    async def _create(self, ticket: TicketEvent) -> None:
        note = {
            "channel": "internal-note",
            "via": "api",
            "from_agent": True,
            "body_text": summary(ticket),
        }
        body = {
            **self._place(ticket),
            "status": ticket.status,
            "tags": _named(marks(ticket)),
            "external_id": ticket.ticket_id,
            "channel": "api",
            "via": "api",
            "subject": subject(ticket),
            "messages": [note],
        }
        await self._client.call("POST", TICKETS, body, repeatable=False)

    def _place(self, ticket: TicketEvent) -> dict[str, Any]:
        place: dict[str, Any] = {"priority": PRIORITIES[ticket.priority]}
        if ticket.queue in self._teams:
            place["assignee_team"] = {"id": self._teams[ticket.queue]}
        return place


def _named(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in sorted(names)]


def _as_compared(value: object) -> object:
    """Tags by their names and teams by their ids: the answers say more of them than is asked."""
    if isinstance(value, list):
        return sorted(tag["name"] for tag in value)
    return value["id"] if isinstance(value, dict) else value
