"""Freshdesk, by its API v2. It has no optimistic lock, and takes tags as a whole list."""

from collections.abc import Mapping
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import Place, iso, next_page, seconds
from triage_worker.helpdesk.http_client import HelpdeskClient, basic_auth
from triage_worker.helpdesk.ticket_state import Changes, TicketState, text_of

TICKETS = "/api/v2/tickets"
ME = "/api/v2/agents/me"
PAGE = 100
PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
NAMES = {number: name for name, number in PRIORITIES.items()}
RESOLVED, CLOSED = 4, 5


class Freshdesk:
    """The tickets of a Freshdesk account.

    Args:
        client: authenticated with an API key.
        fields: the ids of Freshdesk's groups, and the names of its ticket fields, such as ``cf_intent``.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ("low",)
    LONGEST_TAG: ClassVar[int] = 32
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields.texts()
        self.names = frozenset({"priority", "group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a ticket; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        ticket = await self._client.find(f"{TICKETS}/{ticket_id}", known=ME)
        return None if ticket is None else self._state(ticket)

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a ticket, in one request."""
        body: dict[str, Any] = {}
        if "priority" in changes.values:
            body["priority"] = PRIORITIES[changes.values["priority"]]
        if "group" in changes.values:
            body["group_id"] = int(changes.values["group"])
        custom = {self._fields[name]: value for name, value in changes.values.items() if name in self._fields}
        if custom:
            body["custom_fields"] = custom
        if changes.touches_tags:
            body["tags"] = changes.tags_of(state)
        await self._client.change("PUT", f"{TICKETS}/{ticket_id}", body)

    def _state(self, ticket: Mapping[str, Any]) -> TicketState:
        custom = ticket.get("custom_fields") or {}
        values = {name: text_of(custom.get(field)) for name, field in self._fields.items()}
        values["priority"] = NAMES.get(ticket.get("priority") or 0)
        values["group"] = text_of(ticket.get("group_id"))
        tags = frozenset(ticket.get("tags") or ())
        return TicketState(values, tags, ticket.get("updated_at"), frozen=bool(ticket.get("deleted")))

    async def changed_since(self, place: str) -> ChangedPage:
        """Read a page of the tickets that were changed since a time."""
        begin = Place.parse(place)
        query = {"updated_since": iso(begin.since), "order_by": "updated_at", "order_type": "asc", "include": "stats"}
        query |= {"per_page": str(PAGE), "page": str(begin.page)}
        page = await self._client.call("GET", TICKETS, query=query)
        return next_page(begin, [self._changed(ticket) for ticket in page], full=len(page) == PAGE)

    def _changed(self, ticket: Mapping[str, Any]) -> ChangedTicket:
        return ChangedTicket(
            str(ticket["id"]),
            self._state(ticket),
            seconds(ticket["updated_at"]),
            solved=ticket.get("status") in (RESOLVED, CLOSED),
            reopened=bool((ticket.get("stats") or {}).get("reopened_at")),
        )

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the ticket's description, which is the requester's first message."""
        ticket = await self._client.find(f"{TICKETS}/{ticket_id}", known=ME)
        return None if ticket is None else text_of(ticket.get("description_text"))

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Freshdesk's API does not say who changed a ticket."""
        return Author()


ADAPTER = Adapter(
    login=lambda _, token: basic_auth(token, "X"),
    connect=lambda client, fields, _: Freshdesk(client, fields),
)
