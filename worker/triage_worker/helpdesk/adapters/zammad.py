"""Zammad, by its REST API. It has no optimistic lock; tags have requests of their own, one for each."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import Place, iso, next_page, seconds
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value, text_of

TICKETS = "/api/v1/tickets"
ME = "/api/v1/users/me"
PAGE = 100
PRIORITIES = {"low": 1, "normal": 2, "high": 3}
NAMES = {number: name for name, number in PRIORITIES.items()}
SYSTEM_USER = "1"
BLOCKS = frozenset({"br", "p", "div", "li", "tr"})


class Zammad:
    """The tickets of a Zammad instance.

    Args:
        client: authenticated with an access token.
        fields: the ids of Zammad's groups, and the names of its ticket objects' attributes.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ("normal",)
    LONGEST_TAG: ClassVar[int] = 250
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {"urgent": "high"}

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields.texts()
        self._own_id: str | None = None
        self.names = frozenset({"priority", "group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a ticket; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        return await self._client.undisturbed(lambda: self._read(ticket_id))

    async def _read(self, ticket_id: str) -> TicketState | None:
        ticket = await self._client.find(f"{TICKETS}/{ticket_id}", known=ME, query={"expand": "true"})
        named = {"object": "Ticket", "o_id": ticket_id}
        tags = await self._client.find("/api/v1/tags", known=ME, query=named, follows=True)
        if ticket is None or tags is None:
            return None
        values = {name: text_of(ticket.get(field)) for name, field in self._fields.items()}
        values["priority"] = NAMES.get(ticket["priority_id"], text_of(ticket["priority_id"]))
        values["group"] = text_of(ticket["group_id"])
        frozen = ticket.get("state") in ("merged", "removed")
        return TicketState(values, frozenset(tags["tags"]), ticket["updated_at"], frozen)

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a ticket: its values in one request, then each tag."""
        body: dict[str, Any] = {
            self._fields[name]: value for name, value in changes.values.items() if name in self._fields
        }
        if "priority" in changes.values:
            body["priority_id"] = PRIORITIES[changes.values["priority"]]
        if "group" in changes.values:
            body["group_id"] = int(changes.values["group"])
        if body:
            await self._client.change("PUT", f"{TICKETS}/{ticket_id}", body)
        for method, path, tags in (("POST", "add", changes.added), ("DELETE", "remove", changes.removed)):
            for tag in sorted(tags):
                named = {"object": "Ticket", "o_id": int(ticket_id), "item": tag}
                await self._client.change(method, f"/api/v1/tags/{path}", named)

    async def changed_since(self, place: str) -> ChangedPage:
        """Read a page of the tickets that were changed since a time."""
        begin = Place.parse(place)
        query = {"query": f"updated_at:[{iso(begin.since)} TO *]", "sort_by": "updated_at", "order_by": "asc"}
        query |= {"limit": str(PAGE), "page": str(begin.page), "expand": "true"}
        page = await self._client.call("GET", f"{TICKETS}/search", query=query)
        return next_page(begin, [_changed(ticket) for ticket in page], full=len(page) == PAGE)

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the first article by the customer, without HTML."""
        path = f"/api/v1/ticket_articles/by_ticket/{ticket_id}"
        articles = await self._client.find(path, known=ME, query={"expand": "true"}) or []
        for article in articles:
            if article.get("sender") == "Customer" and not article.get("internal"):
                body = text_of(article.get("body"))
                return _plain(body) if body and "html" in str(article.get("content_type")) else body
        return None

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Find the newest entry of the ticket's history that gave it a value."""
        attribute = {"group": "group", "priority": "priority", "tags": "tag"}.get(name) or self._fields[name]
        found = await self._client.find(f"/api/v1/ticket_history/{ticket_id}", known=ME) or {}
        for entry in reversed(found.get("history") or []):
            if entry.get("attribute") != attribute:
                continue
            given = (text_of(entry.get("value_to")), text_of(entry.get("id_to")))
            if name == "tags" or any(same_value(one, value) for one in given):
                agent = text_of(entry.get("created_by_id"))
                return Author(agent, automatic=agent in (SYSTEM_USER, await self._me()))
        return Author()

    async def _me(self) -> str:
        if self._own_id is None:
            self._own_id = str((await self._client.call("GET", ME))["id"])
        return self._own_id


def _changed(ticket: Mapping[str, Any]) -> ChangedTicket:
    state = ticket.get("state")
    updated_at = seconds(ticket["updated_at"])
    return ChangedTicket(str(ticket["id"]), None, updated_at, solved=state == "closed", merged=state == "merged")


class _Text(HTMLParser):
    """Collects the text of HTML, with a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _plain(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "\n".join(line for part in "".join(parser.parts).splitlines() if (line := " ".join(part.split())))


ADAPTER = Adapter(
    login=lambda _, token: {"Authorization": f"Token token={token}"},
    connect=lambda client, fields, _: Zammad(client, fields),
)
