"""Zendesk, by its Ticketing API. Triage's ticket is the one whose ``external_id`` is the event's ``ticket_id``."""

import logging
from collections.abc import Mapping
from typing import Any

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.adapter import Adapter, Outcome
from triage_worker.helpdesk.http_client import HelpdeskClient, RequestRejectedError, basic_auth
from triage_worker.helpdesk.ticket_fields import sets_assignment, subject, summary, tags

log = logging.getLogger(__name__)

TICKETS = "/api/v2/tickets"


class Zendesk:
    """The tickets of a Zendesk account.

    Args:
        client: authenticated as ``user/token``.
        groups: the id of the Zendesk group for each queue.
        fields: the id of the Zendesk ticket field for each of a ticket's fields.
    """

    def __init__(self, client: HelpdeskClient, groups: Mapping[str, int], fields: Mapping[str, int]) -> None:
        self._client = client
        self._groups = groups
        self._fields = fields

    async def upsert(self, ticket: TicketEvent) -> Outcome:
        """Create or update the ticket; see `triage_worker.helpdesk.adapter.Helpdesk`."""
        found = await self._client.call("GET", f"{TICKETS}.json", query={"external_id": ticket.ticket_id})
        existing: dict[str, Any] | None = min(found["tickets"], key=lambda match: int(match["id"]), default=None)
        if existing is None:
            return await self._create(ticket)
        if existing["status"] == "closed":
            return "current"  # Zendesk never changes a closed ticket
        wanted = {"tags": sorted({*existing["tags"], *tags(ticket)}), "status": _status(ticket, existing)}
        if sets_assignment(ticket):
            wanted |= self._assignment(ticket)
        filled = {field["id"] for field in existing.get("custom_fields", []) if field["value"] not in (None, "")}
        missing = {number: value for number, value in self._custom_fields(ticket).items() if number not in filled}
        if missing:
            wanted["custom_fields"] = _field_list(missing)
        if all(_comparable(existing.get(name)) == _comparable(value) for name, value in wanted.items()):
            return "current"
        await self._write("PUT", f"{TICKETS}/{existing['id']}.json", ticket, wanted)
        return "updated"

    async def _create(self, ticket: TicketEvent) -> Outcome:
        if ticket.status == "closed":
            return "current"
        body = {
            **self._assignment(ticket),
            "tags": tags(ticket),
            "external_id": ticket.ticket_id,
            "subject": subject(ticket),
            "comment": {"body": summary(ticket), "public": False},
        }
        if fields := self._custom_fields(ticket):
            body["custom_fields"] = _field_list(fields)
        await self._write("POST", f"{TICKETS}.json", ticket, body, key=ticket.ticket_id)
        return "created"

    async def _write(
        self, method: str, path: str, ticket: TicketEvent, body: Mapping[str, Any], *, key: str | None = None
    ) -> None:
        """Create or change a ticket. One whose custom fields are refused is written without them, not lost.

        A key lets Zendesk recognise a repeat if the first answer was lost. A request that differs needs another key.
        """
        try:
            await self._call(method, path, body, key)
        except RequestRejectedError as error:
            if "custom_fields" not in body:
                raise
            rest = {name: value for name, value in body.items() if name != "custom_fields"}
            await self._call(method, path, rest, key and f"{key}-without-fields")
            self._note_refused_fields(ticket, body["custom_fields"], error)

    async def _call(self, method: str, path: str, body: Mapping[str, Any], key: str | None) -> None:
        headers = {"Idempotency-Key": key} if key else None
        await self._client.call(method, path, {"ticket": body}, headers=headers)

    def _note_refused_fields(
        self, ticket: TicketEvent, fields: list[dict[str, Any]], error: RequestRejectedError
    ) -> None:
        self._client.metrics.fields_refused.inc()
        numbers = {field["id"] for field in fields}
        log.warning(
            "Zendesk took a ticket only without its custom fields: see which types work in docs/router.md, and correct "
            "the ids of helpdesk.fields in the rules, or the fields in Zendesk",
            extra={
                "ticket_id": ticket.ticket_id,
                "fields": {name: number for name, number in self._fields.items() if number in numbers},
                "problem": str(error),
            },
        )

    def _assignment(self, ticket: TicketEvent) -> dict[str, Any]:
        assignment: dict[str, Any] = {"priority": ticket.priority}
        if ticket.queue in self._groups:
            assignment["group_id"] = self._groups[ticket.queue]
        return assignment

    def _custom_fields(self, ticket: TicketEvent) -> dict[int, str]:
        """The values of Zendesk's fields, by their id."""
        return {self._fields[name]: value for name, value in ticket.fields.items() if name in self._fields}


def _field_list(fields: Mapping[int, str]) -> list[dict[str, Any]]:
    return [{"id": number, "value": value} for number, value in fields.items()]


def _status(ticket: TicketEvent, existing: Mapping[str, Any]) -> str:
    """The status to set: a new message reopens a pending or solved ticket, and only an assigned one can be solved."""
    current = str(existing["status"])
    if ticket.status == "closed":
        return current if existing.get("assignee_id") is None else "solved"
    return current if current in ("new", "open") else "open"


def _comparable(value: object) -> object:
    return sorted(value, key=str) if isinstance(value, list) else value


def _login(user: str, token: str) -> Mapping[str, str]:
    return basic_auth(f"{user}/token", token)


ADAPTER = Adapter(login=_login, connect=Zendesk)
