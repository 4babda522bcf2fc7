"""Chatwoot, by its application API: tickets are conversations. It has no optimistic lock.

``TRIAGE_HELPDESK_URL`` ends with the account, such as ``https://chat.shop.example/api/v1/accounts/1``.
"""

from collections.abc import Mapping
from time import time
from typing import Any, ClassVar

from triage_worker.helpdesk.adapter import Adapter, Author, ChangedPage, ChangedTicket, Fields
from triage_worker.helpdesk.changed_pages import Place, resumed, seconds
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.ticket_state import Changes, TicketState, text_of

CONVERSATIONS = "/conversations"
KNOWN = "/conversations/meta"
PRIORITIES = {"low": "low", "normal": "medium", "high": "high", "urgent": "urgent"}
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}
INCOMING = 0


class Chatwoot:
    """The conversations of a Chatwoot account.

    Args:
        client: authenticated with an agent's access token.
        fields: the ids of Chatwoot's teams, and the keys of its conversations' custom attributes.
    """

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]] = ()
    LONGEST_TAG: ClassVar[int] = 255
    LESSER_PRIORITIES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields.texts()
        self.names = frozenset({"priority", "group", *self._fields})

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a conversation; see `triage_worker.helpdesk.adapter.TicketSystem`."""
        found = await self._client.find(f"{CONVERSATIONS}/{ticket_id}", known=KNOWN)
        return None if found is None else self._state(found)

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a conversation; each kind of value has a request of its own.

        All custom attributes are sent, since versions of Chatwoot without ``merge`` delete those that are not.
        """
        path = f"{CONVERSATIONS}/{ticket_id}"
        custom = {self._fields[name]: value for name, value in changes.values.items() if name in self._fields}
        if custom:
            body = {"custom_attributes": {**(state.raw or {}), **custom}, "merge": True}
            await self._client.change("POST", f"{path}/custom_attributes", body)
        if "priority" in changes.values and "priority" not in self._fields:
            body = {"priority": PRIORITIES[changes.values["priority"]]}
            await self._client.change("POST", f"{path}/toggle_priority", body)
        if "group" in changes.values:
            await self._client.change("POST", f"{path}/assignments", {"team_id": int(changes.values["group"])})
        if changes.touches_tags:
            await self._client.change("POST", f"{path}/labels", {"labels": changes.tags_of(state)})

    def _state(self, found: Mapping[str, Any]) -> TicketState:
        custom = found.get("custom_attributes") or {}
        priority = text_of(found.get("priority"))
        values = {"priority": NAMES.get(priority or "", priority)}
        values |= {name: text_of(custom.get(field)) for name, field in self._fields.items()}
        values["group"] = text_of(((found.get("meta") or {}).get("team") or {}).get("id"))
        return TicketState(values, frozenset(found.get("labels") or ()), raw=custom)

    async def changed_since(self, place: str) -> ChangedPage:
        """Read all conversations that were changed since a time; the list has no pages."""
        begin = Place.parse(place)
        query = {"status": "all", "updated_within": str(int(time() - begin.since) + 1)}
        answer = await self._client.call("GET", CONVERSATIONS, query=query)
        return resumed(begin, [self._changed(one) for one in answer["data"]["payload"]])

    def _changed(self, found: Mapping[str, Any]) -> ChangedTicket:
        solved = found.get("status") == "resolved"
        return ChangedTicket(str(found["id"]), self._state(found), seconds(found["updated_at"]), solved=solved)

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the first incoming message."""
        path = f"{CONVERSATIONS}/{ticket_id}/messages"
        found = await self._client.find(path, known=KNOWN, query={"after": "0"}) or {"payload": []}
        incoming = [one for one in found["payload"] if one.get("message_type") == INCOMING and not one.get("private")]
        return next((text for one in incoming if (text := text_of(one.get("content")))), None)

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Chatwoot's API does not say who changed a conversation, other than in sentences."""
        return Author()


ADAPTER = Adapter(
    login=lambda _, token: {"api_access_token": token},
    connect=lambda client, fields, _: Chatwoot(client, fields),
)
