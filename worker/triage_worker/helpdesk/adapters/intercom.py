"""Intercom, by its REST API: tickets are conversations. It has no optimistic lock.

Intercom's own priority is a mark without levels that the API cannot set, so a priority needs a custom attribute.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import Place, resumed, seconds
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value, text_of

CONVERSATIONS = "/conversations"
ME = "/me"
VERSION = "2.11"
PAGE = 50
PLAIN = {"display_as": "plaintext"}
CUSTOMERS = frozenset({"user", "lead", "contact"})
ATTRIBUTE_CHANGED = "conversation_attribute_updated_by"
"""Begins the type of the part that says who changed a custom attribute: an admin, a workflow or a customer."""


class Intercom:
    """The conversations of an Intercom workspace.

    Args:
        client: authenticated with an access token.
        fields: the ids of Intercom's teams, and the names of its conversations' custom attributes.
        admin_id: the teammate in whose name tags and teams are set.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ()
    LONGEST_TAG: ClassVar[int] = 255
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, client: HelpdeskClient, fields: Fields, admin_id: str) -> None:
        self._client = client
        self._fields = fields.texts()
        self._admin_id = admin_id
        self._tag_ids: dict[str, str] = {}
        self.names = frozenset({"group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a conversation; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        found = await self._client.find(f"{CONVERSATIONS}/{ticket_id}", known=ME)
        return None if found is None else self._state(found)

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a conversation: attributes, then the team, then each tag."""
        path = f"{CONVERSATIONS}/{ticket_id}"
        custom = {self._fields[name]: value for name, value in changes.values.items() if name in self._fields}
        if custom:
            await self._client.change("PUT", path, {"custom_attributes": custom})
        if "group" in changes.values:
            body = {"message_type": "assignment", "type": "team", "admin_id": self._admin_id}
            await self._client.change("POST", f"{path}/parts", {**body, "assignee_id": changes.values["group"]})
        for tag in sorted(changes.added):
            body = {"id": await self._tag_id(tag), "admin_id": self._admin_id}
            await self._client.change("POST", f"{path}/tags", body)
        for tag in sorted(changes.removed):
            tag_id = await self._tag_id(tag)
            await self._client.change("DELETE", f"{path}/tags/{tag_id}", {"admin_id": self._admin_id})

    async def _tag_id(self, name: str) -> str:
        """The id of a tag, which Intercom creates if there is none of that name."""
        if name not in self._tag_ids:
            self._tag_ids[name] = str((await self._client.call("POST", "/tags", {"name": name}))["id"])
        return self._tag_ids[name]

    def _state(self, found: Mapping[str, Any]) -> TicketState:
        custom = found.get("custom_attributes") or {}
        values = {name: text_of(custom.get(field)) for name, field in self._fields.items()}
        values["group"] = text_of(found.get("team_assignee_id"))
        return TicketState(values, frozenset(tag["name"] for tag in _tags(found)))

    async def changed_since(self, place: str) -> ChangedPage:
        """Read all conversations that were changed since a time, the earliest first; there is one page."""
        begin = Place.parse(place)
        pagination: dict[str, Any] = {"per_page": PAGE}
        tickets: list[ChangedTicket] = []
        query = {"field": "updated_at", "operator": ">", "value": int(begin.since) - 1}
        order = {"field": "updated_at", "order": "ascending"}
        while True:
            body = {"query": query, "sort": order, "pagination": pagination}
            page = await self._client.call("POST", f"{CONVERSATIONS}/search", body)
            tickets += map(self._changed, page["conversations"])
            after = ((page.get("pages") or {}).get("next") or {}).get("starting_after")
            if not after:
                return resumed(begin, tickets)
            pagination = {"per_page": PAGE, "starting_after": after}

    def _changed(self, found: Mapping[str, Any]) -> ChangedTicket:
        statistics = found.get("statistics") or {}
        return ChangedTicket(
            str(found["id"]),
            self._state(found),
            seconds(found["updated_at"]),
            solved=found.get("state") == "closed",
            reopened=bool(statistics.get("count_reopens")),
        )

    async def first_message(self, ticket_id: str) -> str | None:
        """Return what the conversation began with, if a customer began it, or else the first customer's part."""
        found = await self._client.find(f"{CONVERSATIONS}/{ticket_id}", known=ME, query=PLAIN)
        if found is None:
            return None
        for one in (found.get("source") or {}, *_parts(found)):
            text = text_of(one.get("body"))
            if text is not None and (one.get("author") or {}).get("type") in CUSTOMERS:
                return text
        return None

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Find the newest part about a custom attribute or the team, or who put the newest tag on."""
        found = await self._client.find(f"{CONVERSATIONS}/{ticket_id}", known=ME) or {}
        if name == "tags":
            taggers = [tag.get("applied_by") or {} for tag in _tags(found)]
            return self._author(taggers[-1], automatic=taggers[-1].get("type") == "bot") if taggers else Author()
        for part in reversed(list(_parts(found))):
            kind, by = str(part.get("part_type")), part.get("author") or {}
            details = part.get("event_details") or {}
            if name == "group" and same_value(text_of((part.get("assigned_to") or {}).get("id")), value):
                return self._author(by, automatic=by.get("type") == "bot")
            if kind.startswith(ATTRIBUTE_CHANGED) and details.get("attribute", {}).get("name") == self._fields.get(
                name
            ):
                return self._author(by, automatic="admin" not in kind)
        return Author()

    def _author(self, by: Mapping[str, Any], *, automatic: bool) -> Author:
        agent = text_of(by.get("id"))
        return Author(agent, automatic=automatic or agent == self._admin_id)


def _tags(found: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return list((found.get("tags") or {}).get("tags") or ())


def _parts(found: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    return list((found.get("conversation_parts") or {}).get("conversation_parts") or ())


def _login(_: str, token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}", "Intercom-Version": VERSION}


ADAPTER = Adapter(login=_login, connect=Intercom, user="the id of the teammate in whose name tickets are changed")
