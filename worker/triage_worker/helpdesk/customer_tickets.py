"""Writes decisions onto the ticket that a message came from: reads it first, and leaves alone what a person changed."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.adapter import TicketSystem
from triage_worker.helpdesk.http_client import GONE, NoResponseError, RequestRejectedError
from triage_worker.helpdesk.metrics import HelpdeskMetrics, Outcome
from triage_worker.helpdesk.ownership import Plan, TicketRecord, Wanted, plan_changes
from triage_worker.helpdesk.ticket_fields import intent_tag, plain_tags
from triage_worker.helpdesk.ticket_state import FIELD, Changes, TicketState
from triage_worker.routing.helpdesk_section import Helpdesk as Section

log = logging.getLogger(__name__)

TICKET_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""Ids come from messages, and go into addresses."""

MAX_REFUSED = 1_000
"""How many values that the helpdesk refused are remembered; the oldest are tried again."""

REFUSALS = frozenset({400, 422})
"""Statuses that can be about one of several values."""


class TicketRecords(Protocol):
    """What is remembered of each ticket, also over restarts."""

    def get(self, ticket_id: str) -> TicketRecord | None:
        """Return what is remembered of a ticket; None if nothing is."""
        ...

    async def put(self, ticket_id: str, record: TicketRecord) -> None:
        """Remember a ticket; returns when that is stored."""
        ...


@dataclass(slots=True)
class _Progress:
    """How far a ticket event is.

    Attributes:
        one_by_one: whether values are written one by one, since the helpdesk refused some of them together.
        written: whether anything was.
        vanished: whether the ticket was gone once when it was to be written.
        refusal: the last one of a single value.
    """

    one_by_one: bool = False
    written: bool = False
    vanished: bool = False
    refusal: RequestRejectedError | None = None


class CustomerTickets:
    """The tickets that messages came from.

    Args:
        system: reads and changes them.
        records: what was written on them.
        section: what is to be written, and the helpdesk's ids.
        metrics: counts what is left alone and refused.
    """

    def __init__(
        self, system: TicketSystem, records: TicketRecords, section: Section, metrics: HelpdeskMetrics
    ) -> None:
        self._system = system
        self._records = records
        self._section = section
        self._metrics = metrics
        new = section.new_tickets
        self._defaults = {"priority": new.priority or system.DEFAULT_PRIORITIES, "group": tuple(map(str, new.group))}
        self._refused: dict[tuple[str, str], None] = {}

    async def update(self, ticket: TicketEvent) -> Outcome:
        """Write a ticket event onto the customer's ticket. To repeat it changes nothing.

        Whatever happens to a request, the ticket is read again before the next one: the first may have been done, and
        somebody may have changed the ticket since.

        Returns:
            "updated"; "current" if nothing had to change; "left_alone" if a person has decided otherwise; "missing" if
            there is no such ticket.

        Raises:
            RequestRejectedError: the helpdesk takes nothing of it.
            ConfigError: the login or the address is wrong.
        """
        ticket_id = ticket.helpdesk_ticket_id or ""
        if ticket.event == "closed":
            return "current"  # whether the customer's ticket is closed is for the agents
        if not TICKET_ID.fullmatch(ticket_id):
            return self._missing(ticket, "its id has other characters than an id at a helpdesk")
        progress = _Progress()
        while True:
            state = await self._system.read(ticket_id)
            if state is None:
                return self._missing(ticket, "the helpdesk has none of that id")
            plan = self._plan(ticket, ticket_id, state)
            changes = plan.changes.single()[0] if progress.one_by_one and plan.changes else plan.changes
            record = _only(plan.record, changes)
            await self._remember(ticket_id, record)
            if changes and not await self._write(ticket, ticket_id, changes, state, progress):
                continue
            if changes:
                added = tuple(sorted(changes.added))
                await self._remember(ticket_id, replace(record.confirmed(), tags=(*record.tags, *added)))
            if not (changes and progress.one_by_one):
                return self._outcome(plan, progress)

    async def _write(
        self, ticket: TicketEvent, ticket_id: str, changes: Changes, state: TicketState, progress: "_Progress"
    ) -> bool:
        """Write changes; returns whether they are written. If not, the ticket has to be read again."""
        try:
            await self._system.write(ticket_id, changes, state)
        except NoResponseError:
            return False
        except RequestRejectedError as error:
            if error.status in GONE and not progress.vanished:
                progress.vanished = True  # it was deleted after it was read
                return False
            if error.status not in REFUSALS:
                raise
            if len(changes.single()) == 1:
                self._remember_refused(ticket, changes, error)
                progress.refusal = error
            progress.one_by_one = True
            return False
        progress.written = True
        return True

    def _plan(self, ticket: TicketEvent, ticket_id: str, state: TicketState) -> Plan:
        """Decide what to write on a ticket; nothing on one that takes no changes."""
        record = replace(self._records.get(ticket_id) or TicketRecord(), about=about(ticket))
        if state.frozen:
            return Plan(Changes(), record, ())
        return plan_changes(state, self._wanted(ticket), record, self._defaults, self._refused)

    def _wanted(self, ticket: TicketEvent) -> Wanted:
        section, writes, known = self._section, self._section.ticket, self._system.names
        values: dict[str, str] = {"intent": section.intents.get(ticket.intent, ticket.intent)}
        if ticket.confidence is not None:
            values["confidence"] = f"{ticket.confidence:.2f}"
        if writes.priority:
            values["priority"] = self._system.LESSER_PRIORITIES.get(ticket.priority, ticket.priority)
        if writes.group and ticket.queue in section.groups:
            values["group"] = str(section.groups[ticket.queue])
        values |= {f"{FIELD}{name}": value for name, value in ticket.fields.items()}
        values = {name: value for name, value in values.items() if name in known}
        if not writes.tags:
            return Wanted(values)
        longest = self._system.LONGEST_TAG
        return Wanted(values, tuple(tag[:longest] for tag in plain_tags(ticket)), intent_tag(ticket)[:longest])

    async def _remember(self, ticket_id: str, record: TicketRecord) -> None:
        if record != self._records.get(ticket_id):
            await self._records.put(ticket_id, record)

    def _outcome(self, plan: Plan, progress: "_Progress") -> Outcome:
        for name in plan.left_alone:
            self._metrics.left_alone.labels(name.strip("_")).inc()
        if progress.refusal is not None:
            if not progress.written:
                raise progress.refusal
            self._metrics.fields_refused.inc()
        if progress.written:
            return "updated"
        return "left_alone" if plan.left_alone else "current"

    def _remember_refused(self, ticket: TicketEvent, changes: Changes, error: RequestRejectedError) -> None:
        """Remember a value that the helpdesk does not take, so that it is not sent again, and log it."""
        refused = list(changes.values.items()) or [("tags", "")]
        if changes.touches_tags and not changes.values:
            refused += [("intent_", tag) for tag in changes.added]
        self._refused |= dict.fromkeys(refused)
        for oldest in list(self._refused)[:-MAX_REFUSED]:
            del self._refused[oldest]
        log.warning(
            "The helpdesk does not take a value, and gets the ticket's other values: see docs/helpdesk.md for what "
            "each field can have, and correct the helpdesk section of the rules, or the field at the helpdesk",
            extra={"ticket_id": ticket.ticket_id, "refused": [name for name, _ in refused], "problem": str(error)},
        )

    def _missing(self, ticket: TicketEvent, reason: str) -> Outcome:
        log.warning(
            "There is no such ticket at the helpdesk: if that is so for all, TRIAGE_HELPDESK_TICKET_FIELD leads to "
            "another id",
            extra={"ticket_id": ticket.ticket_id, "helpdesk_ticket_id": ticket.helpdesk_ticket_id, "reason": reason},
        )
        return "missing"


def about(ticket: TicketEvent) -> Mapping[str, Any]:
    """What is remembered of a ticket's intent and message, as values of JSON."""
    message = None if ticket.message is None else ticket.message.model_dump()
    kept: dict[str, Any] = {"intent": ticket.intent, "intents": ticket.intents, "message": message}
    return kept | {"conversation_id": ticket.conversation_id, "customer_id": ticket.customer_id}


def _only(record: TicketRecord, changes: Changes) -> TicketRecord:
    """The record with only those values pending that are about to be written."""
    kept = {
        name: pair
        for name, pair in record.pending.items()
        if name in changes.values or (name not in changes.values and pair[1] in changes.added)
    }
    return replace(record, pending=kept)
