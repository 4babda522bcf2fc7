"""Gorgias, by its REST API. It has no optimistic lock; each custom field and the tags have requests of their own."""

from collections.abc import Mapping
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import Place, resumed, seconds
from triage_worker.helpdesk.gorgias_own_tickets import PRIORITIES, TICKETS, GorgiasOwnTickets
from triage_worker.helpdesk.http_client import HelpdeskClient, basic_auth
from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value, text_of

ACCOUNT = "/api/account"
PAGE = 100
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}


class Gorgias:
    """The tickets of a Gorgias account.

    Args:
        client: authenticated with an e-mail address and an API key.
        fields: the ids of Gorgias' teams and ticket fields.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ("normal",)
    LONGEST_TAG: ClassVar[int] = 255
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields.numbers()
        self.names = frozenset({"priority", "group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a ticket; see `triage_worker.helpdesk.adapter.TicketSystem`. One that was merged is redirected: None."""
        return await self._client.undisturbed(lambda: self._read(ticket_id))

    async def _read(self, ticket_id: str) -> TicketState | None:
        ticket = await self._client.find(f"{TICKETS}/{ticket_id}", known=ACCOUNT)
        if ticket is None:
            return None
        custom: dict[int, Any] = {}
        if self._fields:
            path = f"{TICKETS}/{ticket['id']}/custom-fields"
            found = await self._client.find(path, known=ACCOUNT, follows=True) or {"data": []}
            custom = {one["field"]["id"]: one.get("value") for one in found["data"]}
        values = {name: text_of(custom.get(number)) for name, number in self._fields.items()}
        priority = text_of(ticket.get("priority"))
        values["priority"] = NAMES.get(priority or "", priority)
        values["group"] = text_of((ticket.get("assignee_team") or {}).get("id"))
        tags = frozenset(tag["name"] for tag in ticket.get("tags") or ())
        return TicketState(values, tags, ticket.get("updated_datetime"))

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a ticket."""
        body: dict[str, Any] = {}
        if "priority" in changes.values:
            body["priority"] = PRIORITIES[changes.values["priority"]]
        if "group" in changes.values:
            body["assignee_team"] = {"id": int(changes.values["group"])}
        path = f"{TICKETS}/{ticket_id}"
        if body:
            await self._client.change("PUT", path, body)
        for name, number in self._fields.items():
            if name in changes.values:
                await self._client.change("PUT", f"{path}/custom-fields/{number}", {"value": changes.values[name]})
        if changes.added:
            await self._client.change("POST", f"{path}/tags", {"names": sorted(changes.added)})
        if changes.removed:
            await self._client.change("DELETE", f"{path}/tags", {"names": sorted(changes.removed)})

    async def changed_since(self, place: str) -> ChangedPage:
        """Read all tickets that were changed since a time. Gorgias lists the latest first, so there is one page."""
        begin, cursor = Place.parse(place), None
        tickets: list[ChangedTicket] = []
        while True:
            query = {"order_by": "updated_datetime:desc", "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = await self._client.call("GET", TICKETS, query=query)
            for ticket in page["data"]:
                updated_at = seconds(ticket["updated_datetime"])
                if updated_at < begin.since:
                    return resumed(begin, tickets)
                closed = ticket.get("status") == "closed"
                tickets.append(ChangedTicket(str(ticket["id"]), None, updated_at, solved=closed))
            cursor = (page.get("meta") or {}).get("next_cursor")
            if not cursor:
                return resumed(begin, tickets)

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the first message that is not from an agent."""
        query = {"ticket_id": ticket_id, "order_by": "created_datetime:asc", "limit": str(PAGE)}
        found = await self._client.find("/api/messages", known=ACCOUNT, query=query) or {"data": []}
        own = [one for one in found["data"] if not one.get("from_agent")]
        return next((text for one in own if (text := text_of(one.get("body_text") or one.get("stripped_text")))), None)

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Find the user of the ticket's newest event about the group, the tags or a field, if Gorgias has one."""
        words = {"group": "team", "tags": "tag"}.get(name, "field")
        query = {"object_type": "Ticket", "object_id": ticket_id, "order_by": "created_datetime:desc"}
        found = await self._client.find("/api/events", known=ACCOUNT, query=query) or {"data": []}
        for event in found["data"]:
            if words in str(event.get("type")) and (event.get("user_id") is not None):
                given = text_of((event.get("data") or {}).get("value"))
                if given is None or same_value(given, value):
                    return Author(text_of(event["user_id"]))
        return Author()


ADAPTER = Adapter(
    login=basic_auth,
    connect=lambda client, fields, _: Gorgias(client, fields),
    open_tickets=GorgiasOwnTickets,
    user="the e-mail address of the user whose API key it is",
)
