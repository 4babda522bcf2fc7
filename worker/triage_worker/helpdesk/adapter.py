"""The contract of a helpdesk adapter, and how the adapter of a helpdesk product is found.

An adapter knows the addresses and the JSON of one product. What is written when, what is left alone and what agents
teach is the same for all products, and is decided elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar, Protocol

from triage_schemas.events import TicketEvent

from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.http_client import HelpdeskClient
from triage_worker.helpdesk.metrics import Outcome
from triage_worker.helpdesk.ticket_state import Changes, TicketState
from triage_worker.routing.helpdesk_section import FieldId


@dataclass(frozen=True, slots=True)
class ChangedTicket:
    """A ticket that was changed at the helpdesk.

    Attributes:
        ticket_id: the helpdesk's id.
        state: as it is now; None if the list does not say all of it, so that it has to be read.
        updated_at: when it was changed last, in seconds since the epoch.
        solved: whether it counts as done.
        merged: whether it was merged into another ticket.
        reopened: whether it was done before, as far as the helpdesk says.
    """

    ticket_id: str
    state: TicketState | None
    updated_at: float
    solved: bool = False
    merged: bool = False
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """Some of the tickets that were changed since a place.

    Attributes:
        tickets: in the order in which they were changed, as far as the helpdesk says.
        place: where the next page begins.
        complete: whether this was the last page for now.
    """

    tickets: Sequence[ChangedTicket]
    place: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Author:
    """Who changed a value.

    Attributes:
        agent: the helpdesk's id of the person; None if the helpdesk does not say.
        automatic: whether it was a rule of the helpdesk, or this connector.
    """

    agent: str | None = None
    automatic: bool = False


class TicketSystem(Protocol):
    """The tickets of one account at a helpdesk product, whoever opened them."""

    DEFAULT_PRIORITIES: ClassVar[tuple[str, ...]]
    """The priorities that a new ticket has from the helpdesk itself."""

    LESSER_PRIORITIES: ClassVar[Mapping[str, str]]
    """What stands for a priority that the helpdesk does not have."""

    LONGEST_TAG: ClassVar[int]
    """In characters."""

    names: frozenset[str]
    """The values that can be read and written, as in a `TicketState`."""

    async def read(self, ticket_id: str) -> TicketState | None:
        """Read a ticket; None if there is none.

        Raises:
            RequestRejectedError: this login may not see it.
            ConfigError: the login or the address is wrong.
        """
        ...

    async def write(self, ticket_id: str, changes: Changes, state: TicketState) -> None:
        """Change a ticket that was read as ``state``. May take several requests, of which some may have been done.

        Raises:
            NoResponseError: the ticket has to be read again before anything else is written on it.
            RequestRejectedError: the helpdesk does not take the changes, or has no such ticket.
        """
        ...

    async def changed_since(self, place: str) -> ChangedPage:
        """Read the tickets that were changed since a place: that of the last page, or a time in seconds.

        A ticket may come more than once.
        """
        ...

    async def first_message(self, ticket_id: str) -> str | None:
        """Return the text of a ticket's first message by the customer; None if there is none."""
        ...

    async def author(self, ticket_id: str, name: str, value: str | None) -> Author:
        """Find out who gave a value to a ticket. ``name`` may also be ``tags``."""
        ...


class OwnTickets(Protocol):
    """The tickets that Triage opens itself, for messages that came from elsewhere."""

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
class Fields:
    """The helpdesk's ids.

    Attributes:
        custom: the custom field of a value, by its name in a `TicketState`.
        groups: the group or team of each queue.
    """

    custom: Mapping[str, FieldId]
    groups: Mapping[str, int]

    def numbers(self) -> Mapping[str, int]:
        """The custom fields, for products that number them.

        Raises:
            ConfigError: one of them is a name.
        """
        for name, field in self.custom.items():
            if not str(field).isdecimal():
                raise ConfigError(
                    f"The custom field of {name} is {field!r}, and this helpdesk numbers its fields: see its id."
                )
        return {name: int(field) for name, field in self.custom.items()}

    def texts(self) -> Mapping[str, str]:
        """The custom fields, for products that name them."""
        return {name: str(field) for name, field in self.custom.items()}


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a module in ``adapters`` declares about its helpdesk product.

    Attributes:
        login: makes the headers that authenticate each request, from TRIAGE_HELPDESK_USER and TRIAGE_HELPDESK_TOKEN.
        connect: makes the `TicketSystem`, from an authenticated client, the helpdesk's ids and TRIAGE_HELPDESK_USER.
        open_tickets: makes the `OwnTickets`; None for products that open no ticket without a customer's address.
        user: what TRIAGE_HELPDESK_USER is; None if it is not needed.
    """

    login: Callable[[str, str], Mapping[str, str]]
    connect: Callable[[HelpdeskClient, Fields, str], TicketSystem]
    open_tickets: Callable[[HelpdeskClient, Fields], OwnTickets] | None = None
    user: str | None = None


def load_adapter(name: str) -> Adapter:
    """Import the adapter of a helpdesk product by its value of ``TRIAGE_HELPDESK``."""
    adapter: Adapter = import_module(f"triage_worker.helpdesk.adapters.{name}").ADAPTER
    return adapter
