"""The tickets that Triage opens in Zendesk: those whose ``external_id`` is the event's ``ticket_id``."""

import logging
from collections.abc import Mapping, Set
from typing import Any

import orjson
from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.adapter import Fields
from triage_worker.helpdesk.http_client import HelpdeskClient, RequestRejectedError
from triage_worker.helpdesk.metrics import Outcome
from triage_worker.helpdesk.ticket_fields import sets_assignment, subject, summary, tags
from triage_worker.helpdesk.ticket_state import FIELD

log = logging.getLogger(__name__)

TICKETS = "/api/v2/tickets"

MAX_REFUSED = 1_000
"""How many values that Zendesk refused are remembered; the oldest are tried again."""


class ZendeskOwnTickets:
    """The tickets that Triage opens in a Zendesk account.

    Args:
        client: authenticated as ``user/token``.
        fields: the ids of Zendesk's groups and ticket fields.
    """

    def __init__(self, client: HelpdeskClient, fields: Fields) -> None:
        self._client = client
        self._groups = fields.groups
        numbers = fields.numbers()
        self._fields = {name.removeprefix(FIELD): numbers[name] for name in numbers if name.startswith(FIELD)}
        self._refused: dict[tuple[int, str], None] = {}
        self._reported: set[int] = set()

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
        if not self._without_refused(missing) and all(
            _comparable(existing.get(name)) == _comparable(value) for name, value in wanted.items()
        ):
            return "current"
        await self._write("PUT", f"{TICKETS}/{existing['id']}.json", ticket, wanted, missing)
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
        await self._write("POST", f"{TICKETS}.json", ticket, body, self._custom_fields(ticket), key=ticket.ticket_id)
        return "created"

    async def _write(
        self,
        method: str,
        path: str,
        ticket: TicketEvent,
        body: Mapping[str, Any],
        fields: Mapping[int, str],
        *,
        key: str | None = None,
    ) -> None:
        """Create or change a ticket. Custom fields that are refused are left out, so that the ticket is not lost."""
        sent, refusal = self._without_refused(fields), None
        while True:
            try:
                await self._send(method, path, body, sent, key=key and _key(key, fields.keys() - sent.keys()))
                break
            except RequestRejectedError as error:
                refused = _refused_fields(error, sent)
                if not refused:
                    raise
                sent, refusal = {number: value for number, value in sent.items() if number not in refused}, error
        left_out = {number: value for number, value in fields.items() if number not in sent}
        if left_out:
            self._client.metrics.fields_refused.inc()
        if refusal is not None:
            self._remember_refused(ticket, left_out, refusal)

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any], fields: Mapping[int, str], *, key: str | None
    ) -> None:
        custom = [{"id": number, "value": value} for number, value in fields.items()]
        content = {**body, "custom_fields": custom} if custom else body
        await self._client.call(method, path, {"ticket": content}, headers={"Idempotency-Key": key} if key else None)

    def _without_refused(self, fields: Mapping[int, str]) -> dict[int, str]:
        """Leave out the values that Zendesk has refused. Another value of the same field may be right."""
        return {number: value for number, value in fields.items() if (number, value) not in self._refused}

    def _remember_refused(self, ticket: TicketEvent, fields: Mapping[int, str], refusal: RequestRejectedError) -> None:
        """Remember values, so that later events of the ticket do not send them again, and log each field once."""
        self._refused |= dict.fromkeys(fields.items())
        for oldest in list(self._refused)[:-MAX_REFUSED]:
            del self._refused[oldest]
        unknown = fields.keys() - self._reported
        if not unknown:
            return
        self._reported |= unknown
        log.warning(
            "Zendesk took a ticket only without its custom fields: see which types work in docs/router.md, and correct "
            "the ids of helpdesk.fields in the rules, or the fields in Zendesk. A field is named once; "
            "triage_helpdesk_fields_refused_total counts on",
            extra={
                "ticket_id": ticket.ticket_id,
                "fields": {name: number for name, number in self._fields.items() if number in unknown},
                "problem": str(refusal),
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


def _key(key: str, left_out: Set[int]) -> str:
    """The key by which Zendesk recognises a repeat, if the first answer was lost. A body that differs needs another."""
    return "-without-".join([key, *map(str, sorted(left_out))])


def _refused_fields(error: RequestRejectedError, sent: Mapping[int, str]) -> set[int]:
    """The fields that a refusal is about: those that it names or, if it may be about them and names none, all.

    ``details`` has a list of problems for each attribute. Those of ticket fields, also of Zendesk's own such as the
    assignee, are at ``base``, mostly with a ``ticket_field_id``.
    """
    if error.status != 422:
        return set()
    problems = _problems(error.body)
    about = {str(problem.get("ticket_field_id")) for _, problem in problems}
    named = {number for number in sent if str(number) in about}
    unnamed = any(
        problem.get("ticket_field_id") is None and (attribute == "base" or "field" in attribute)
        for attribute, problem in problems
    )
    return named or (set(sent) if unnamed else set())


def _problems(body: str) -> list[tuple[str, dict[str, Any]]]:
    """The problems in an error's ``details``, each with its attribute; none if the error has another form."""
    try:
        details = orjson.loads(body)["details"]
    except (ValueError, LookupError, TypeError):
        return []
    given = details.items() if isinstance(details, dict) else ()
    return [
        (attribute, problem)
        for attribute, problems in given
        if isinstance(problems, list)
        for problem in problems
        if isinstance(problem, dict)
    ]


def _status(ticket: TicketEvent, existing: Mapping[str, Any]) -> str:
    """The status to set: a new message reopens a pending or solved ticket, and only an assigned one can be solved."""
    current = str(existing["status"])
    if ticket.status == "closed":
        return current if existing.get("assignee_id") is None else "solved"
    return current if current in ("new", "open") else "open"


def _comparable(value: object) -> object:
    return sorted(value, key=str) if isinstance(value, list) else value
