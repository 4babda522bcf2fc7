"""The contract of a helpdesk adapter, and how the adapter of a helpdesk product is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

from triage_schemas.events import TicketEvent

from triage_worker.helpdesk.http_client import HelpdeskClient

Outcome = Literal["created", "updated", "current"]


class Helpdesk(Protocol):
    """The tickets of one account at a helpdesk product."""

    async def upsert(self, ticket: TicketEvent) -> Outcome:
        """Bring the helpdesk's ticket to the state of a ticket event. To repeat it changes nothing.

        Returns:
            "created", "updated", or "current" if nothing had to change.

        Raises:
            RequestRejectedError: the helpdesk does not accept the ticket.
            ConfigError: the login or the address is wrong.
        """
        ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a module in ``adapters`` declares about its helpdesk product.

    Attributes:
        login: makes the headers that authenticate each request, from TRIAGE_HELPDESK_USER and TRIAGE_HELPDESK_TOKEN.
        connect: makes the `Helpdesk`, from an authenticated client, the id of the helpdesk's group for each queue, and
            that of its custom field for each of a ticket's fields. Raises `ConfigError` where it cannot set fields.
    """

    login: Callable[[str, str], Mapping[str, str]]
    connect: Callable[[HelpdeskClient, Mapping[str, int], Mapping[str, int]], Helpdesk]


def load_adapter(name: str) -> Adapter:
    """Import the adapter of a helpdesk product by its value of ``TRIAGE_HELPDESK``."""
    adapter: Adapter = import_module(f"triage_worker.helpdesk.adapters.{name}").ADAPTER
    return adapter
