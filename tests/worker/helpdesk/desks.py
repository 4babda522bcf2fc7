"""The six stand-ins by the names of their products, and the connector on one of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession
from triage_schemas.events import SourceRef, TicketEvent, TicketMessage
from triage_worker.helpdesk.adapter import TicketSystem, load_adapter
from triage_worker.helpdesk.connection import fields_of
from triage_worker.helpdesk.customer_tickets import CustomerTickets
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.ownership import TicketRecord
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.routing.helpdesk_section import Helpdesk, NewTickets, Teaching, TicketWrites

from tests.worker.helpdesk.fakes import TOKEN, USER, ticket
from tests.worker.helpdesk.standins.base import OUR_USER, StandIn
from tests.worker.helpdesk.standins.chatwoot import ChatwootDesk
from tests.worker.helpdesk.standins.freshdesk import FreshdeskDesk
from tests.worker.helpdesk.standins.gorgias import GorgiasDesk
from tests.worker.helpdesk.standins.intercom import IntercomDesk
from tests.worker.helpdesk.standins.zammad import ZammadDesk
from tests.worker.helpdesk.standins.zendesk import ZendeskDesk

DESKS: dict[str, type[StandIn]] = {
    "zendesk": ZendeskDesk,
    "gorgias": GorgiasDesk,
    "freshdesk": FreshdeskDesk,
    "intercom": IntercomDesk,
    "chatwoot": ChatwootDesk,
    "zammad": ZammadDesk,
}

GROUPS = {"claims": 360_001, "delivery": 360_002}
TIMEOUT_S = 10.0
RETRY = RetryPolicy(first_s=0.001, longest_s=0.01)


@dataclass
class MemoryRecords:
    """What is remembered, as it is stored on the topic.

    Attributes:
        values: the JSON by the ticket's id.
        puts: number of writes.
    """

    values: dict[str, bytes] = field(default_factory=dict)
    puts: int = 0

    def get(self, ticket_id: str) -> TicketRecord | None:
        value = self.values.get(ticket_id)
        return None if value is None else TicketRecord.load(value)

    async def put(self, ticket_id: str, record: TicketRecord) -> None:
        self.puts += 1
        self.values[ticket_id] = record.dump()


def section(name: str, *, teach: Teaching | None = None) -> Helpdesk:
    """The helpdesk's section of the rules, for a product."""
    known = DESKS[name].FIELDS
    writes = TicketWrites(intent=known["intent"], confidence=known["confidence"], priority=known.get("priority", True))
    new = NewTickets(group=(1,)) if name == "zammad" else NewTickets()
    return Helpdesk(
        groups=GROUPS,
        fields={"order": known["field.order"]},
        ticket=writes,
        intents={"WISMO": "where_is_my_order"},
        new_tickets=new,
        teach=teach or Teaching(),
    )


@dataclass(frozen=True)
class Desk:
    """The connector on a stand-in."""

    system: TicketSystem
    tickets: CustomerTickets
    metrics: HelpdeskMetrics


@asynccontextmanager
async def connected(
    server: StandIn,
    name: str,
    records: MemoryRecords | None = None,
    *,
    token: str = TOKEN,
    path: str = "",
    given: Helpdesk | None = None,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[Desk]:
    """Connect as the service does."""
    adapter, metrics, chosen = load_adapter(name), HelpdeskMetrics(), given or section(name)
    user = USER if name != "intercom" else str(OUR_USER)
    async with server.running() as site, ClientSession(headers=adapter.login(user, token)) as session:
        client = HelpdeskClient(
            session, f"{site}{path}", per_minute=6_000_000, metrics=metrics, timeout_s=timeout_s, retry=RETRY
        )
        system = adapter.connect(client, fields_of(chosen), user)
        yield Desk(system, CustomerTickets(system, records or MemoryRecords(), chosen, metrics), metrics)


def event(
    change: str = "opened", *, of: int = 7, intent: str = "WISMO", queue: str = "delivery", **more: object
) -> TicketEvent:
    """A ticket event of a message from the helpdesk's ticket ``of``."""
    message = TicketMessage(message_id=f"m-{of}", channel="email", source=SourceRef(topic="in", partition=0, offset=of))
    made = ticket(change, number=of, queue=queue, **({"intent": intent, "intents": [intent]} | more))
    return made.model_copy(update={"helpdesk_ticket_id": str(of), "confidence": 0.934, "message": message})
