"""Zendesk, by its Ticketing API. Its optimistic lock is ``safe_update`` with ``updated_stamp``, which answers 409."""

from collections.abc import Mapping
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import seconds
from triage_worker.helpdesk.http_client import HelpdeskClient, basic_auth
from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value, text_of
from triage_worker.helpdesk.zendesk_own_tickets import ZendeskOwnTickets

TICKETS = "/api/v2/tickets"
ME = "/api/v2/users/me.json"
EXPORT = "/api/v2/incremental/tickets/cursor.json"
CURSOR = "cursor:"
NOT_YET_EXPORTED_S = 61
"""The export refuses a start within the last minute."""

MERGED = "closed_by_merge"
"""The tag that Zendesk gives to a ticket that was merged into another one."""


class Zendesk:
    """The tickets of a Zendesk account.

    Args:
        client: authenticated as ``user/token``.
        fields: the ids of Zendesk's groups and ticket fields.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ()
    LONGEST_TAG: ClassVar[int] = 255
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields.numbers()
        self._own_id: str | None = None
        self.names = frozenset({"priority", "group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a ticket; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        found = await self._client.find(f"{TICKETS}/{ticket_id}.json", known=ME)
        return None if found is None else self._state(found["ticket"])

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a ticket: its values first, then its tags, since a drop-down field changes tags by itself."""
        if changes.values:
            state = await self._put(ticket_id, self._body(changes.values), state)
        if changes.touches_tags:
            await self._put(ticket_id, {"tags": changes.tags_of(state)}, state)

    async def _put(self, ticket_id: str, body: Mapping[str, Any], state: TicketState) -> TicketState:
        locked = {**body, "safe_update": True, "updated_stamp": state.version}
        answer = await self._client.change("PUT", f"{TICKETS}/{ticket_id}.json", {"ticket": locked})
        return self._state(answer["ticket"])

    def _body(self, values: Mapping[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        if "priority" in values:
            body["priority"] = values["priority"]
        if "group" in values:
            body["group_id"] = int(values["group"])
        custom = [{"id": self._fields[name], "value": value} for name, value in values.items() if name in self._fields]
        return {**body, "custom_fields": custom} if custom else body

    def _state(self, ticket: Mapping[str, Any]) -> TicketState:
        custom = {field["id"]: field["value"] for field in ticket.get("custom_fields") or ()}
        values = {name: text_of(custom.get(number)) for name, number in self._fields.items()}
        values |= {"priority": text_of(ticket.get("priority")), "group": text_of(ticket.get("group_id"))}
        frozen = ticket.get("status") in ("closed", "deleted")
        return TicketState(values, frozenset(ticket.get("tags") or ()), ticket.get("updated_at"), frozen)

    async def changed_since(self, place: str) -> ChangedPage:
        """Read a page of the incremental export; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        if place.startswith(CURSOR):
            query = {"cursor": place.removeprefix(CURSOR)}
        else:
            query = {"start_time": str(int(float(place)) - NOT_YET_EXPORTED_S)}
        page = await self._client.call("GET", EXPORT, query={**query, "include": "metric_sets"})
        tickets = [self._changed(ticket) for ticket in page["tickets"] if ticket.get("status") != "deleted"]
        after = page.get("after_cursor")
        return ChangedPage(tickets, f"{CURSOR}{after}" if after else place, bool(page["end_of_stream"]))

    def _changed(self, ticket: Mapping[str, Any]) -> ChangedTicket:
        metrics = ticket.get("metric_set") or {}
        return ChangedTicket(
            str(ticket["id"]),
            self._state(ticket),
            seconds(ticket["updated_at"]),
            solved=ticket["status"] in ("solved", "closed"),
            merged=MERGED in (ticket.get("tags") or ()),
            reopened=bool(metrics.get("reopens")),
        )

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the first public comment by the requester."""
        found = await self._client.find(f"{TICKETS}/{ticket_id}.json", known=ME)
        comments = await self._client.find(f"{TICKETS}/{ticket_id}/comments.json", known=ME)
        if found is None or comments is None:
            return None
        requester = found["ticket"].get("requester_id")
        own = [one for one in comments["comments"] if one.get("public") and one.get("author_id") == requester]
        return next((text for one in own if (text := text_of(one.get("plain_body") or one.get("body")))), None)

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Find the newest audit that gave a value to a field."""
        field = {"group": "group_id", "priority": "priority", "tags": "tags"}.get(name) or str(self._fields[name])
        found = await self._client.find(f"{TICKETS}/{ticket_id}/audits.json", known=ME, query={"sort_order": "desc"})
        for audit in sorted((found or {}).get("audits", ()), key=lambda one: one["created_at"], reverse=True):
            for event in audit.get("events", ()):
                if event.get("type") != "Change" or str(event.get("field_name")) != field:
                    continue
                if name != "tags" and not same_value(text_of(event.get("value")), value):
                    continue
                channel = (event.get("via") or audit.get("via") or {}).get("channel")
                agent = text_of(audit.get("author_id"))
                return Author(agent, automatic=channel == "rule" or agent in ("-1", await self._me()))
        return Author()

    async def _me(self) -> str:
        if self._own_id is None:
            self._own_id = str((await self._client.call("GET", ME))["user"]["id"])
        return self._own_id


def _login(user: str, token: str) -> Mapping[str, str]:
    return basic_auth(f"{user}/token", token)


ADAPTER = Adapter(
    login=_login,
    connect=lambda client, fields, _: Zendesk(client, fields),
    open_tickets=ZendeskOwnTickets,
    user="the e-mail address of the user whose token it is",
)
