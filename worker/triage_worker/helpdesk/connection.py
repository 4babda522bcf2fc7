"""Connects the connector to the helpdesk that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from triage_schemas.events import TicketEvent

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.helpdesk.adapter import Fields, OwnTickets, TicketSystem, load_adapter
from triage_worker.helpdesk.customer_tickets import CustomerTickets, TicketRecords
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.metrics import HelpdeskMetrics, Outcome
from triage_worker.helpdesk.ticket_state import FIELD
from triage_worker.routing.helpdesk_section import FieldId
from triage_worker.routing.helpdesk_section import Helpdesk as Section


@dataclass(frozen=True, slots=True)
class Connection:
    """A helpdesk, connected.

    Attributes:
        client: makes the calls.
        system: the tickets of customers.
        own_tickets: opens tickets for other messages; None where the product does not allow that.
    """

    client: HelpdeskClient
    system: TicketSystem
    own_tickets: OwnTickets | None


@asynccontextmanager
async def connected(settings: Settings, section: Section, metrics: HelpdeskMetrics) -> AsyncIterator[Connection]:
    """Open the helpdesk that the settings name. No call is made yet.

    Raises:
        ConfigError: a setting is missing, or the rules name a custom field as this product does not.
    """
    name, site = _required(settings, "helpdesk"), _required(settings, "helpdesk_url")
    token, adapter = _required(settings, "helpdesk_token"), load_adapter(name)
    user = _required(settings, "helpdesk_user", adapter.user) if adapter.user else settings.helpdesk_user or ""
    fields = fields_of(section)
    async with ClientSession(headers=adapter.login(user, token.get_secret_value())) as session:
        client = HelpdeskClient(session, site, per_minute=settings.helpdesk_per_minute, metrics=metrics)
        own_tickets = None if adapter.open_tickets is None else adapter.open_tickets(client, fields)
        yield Connection(client, adapter.connect(client, fields, user), own_tickets)


def fields_of(section: Section) -> Fields:
    """The helpdesk's ids, as the rules give them."""
    writes = section.ticket
    custom: dict[str, FieldId] = {f"{FIELD}{name}": field for name, field in section.fields.items()}
    for name, field in (("intent", writes.intent), ("confidence", writes.confidence), ("priority", writes.priority)):
        if field is not None and not isinstance(field, bool):
            custom[name] = field
    return Fields(custom, section.groups)


class Tickets:
    """Hands each ticket event to the customer's own ticket, or to one that Triage opens.

    Args:
        connection: the helpdesk.
        records: what was written on customers' tickets.
        section: the helpdesk's section of the rules.
        metrics: counts what is left alone and refused.
    """

    def __init__(
        self, connection: Connection, records: TicketRecords, section: Section, metrics: HelpdeskMetrics
    ) -> None:
        self._customers = CustomerTickets(connection.system, records, section, metrics)
        self._own = connection.own_tickets

    async def upsert(self, ticket: TicketEvent) -> Outcome:
        """Bring a ticket event to the helpdesk; see `triage_worker.helpdesk.adapter.OwnTickets`."""
        if ticket.helpdesk_ticket_id is not None:
            return await self._customers.update(ticket)
        return "no_ticket" if self._own is None else await self._own.upsert(ticket)


def _required(settings: Settings, name: str, meaning: str | None = None) -> Any:
    value = getattr(settings, name)
    if value is None:
        what = "" if meaning is None else f" to {meaning}"
        raise ConfigError(f"`triage helpdesk` needs {variable(name)}: set it{what}.")
    return value
