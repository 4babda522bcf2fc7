"""What the stand-ins of six helpdesks have in common: their tickets, people who change them, faults and refusals.

Each stand-in is written from the public documents of its API, and has its addresses, its JSON and its manners. A ticket
is the same in all of them: values by the names that the connector uses.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.fakes import FakeHelpdesk

AGENT = 77
OUR_USER = 9

Faults = Iterable[str]


@dataclass
class Change:
    """Who gave which value to a ticket, and when."""

    name: str
    value: str | None
    agent: int
    at: float


@dataclass
class DeskTicket:
    """A customer's own ticket."""

    id: int
    values: dict[str, str | None]
    tags: list[str]
    updated: float
    text: str = "where is my parcel"
    solved: bool = False
    closed: bool = False
    merged: bool = False
    reopens: int = 0
    history: list[Change] = field(default_factory=list)


class StandIn(FakeHelpdesk):
    """A helpdesk with customers' tickets.

    Attributes:
        FIELDS: the custom fields, as the rules name them for this product.
        DEFAULTS: the values of a new ticket.
        desk: the tickets by their id.
        refused: names and values that the helpdesk answers 422 (or its own status) for.
        interrupt: called before each change that the connector asks for; the time of people who are faster.
        forbidden: ids of tickets that this login may not see.
    """

    FIELDS: ClassVar[Mapping[str, int | str]] = {}
    DEFAULTS: ClassVar[Mapping[str, str | None]] = {}
    REFUSAL: ClassVar[int] = 422
    page = 100

    def __init__(self, faults: Faults = ()) -> None:
        super().__init__(faults)
        self.desk: dict[int, DeskTicket] = {}
        self.refused: set[tuple[str, str]] = set()
        self.forbidden: set[int] = set()
        self.interrupt: Callable[[int], None] = lambda _: None
        self.faulty: Callable[[str], None] = lambda _: None
        self.moment: float | None = None
        self.created = 0

    def on_fault(self, request: web.Request) -> None:
        self.faulty(request.method)

    def open(self, ticket_id: int, **values: str | None) -> DeskTicket:
        """A customer writes: the helpdesk opens a ticket."""
        given: dict[str, str | None] = {
            "intent": None,
            "confidence": None,
            "priority": None,
            "group": None,
            "field.order": None,
        }
        made = DeskTicket(ticket_id, {**given, **self.DEFAULTS, **values}, [], self.now())
        self.desk[ticket_id] = made
        return made

    def by_person(self, ticket_id: int, name: str, value: str | None, agent: int = AGENT) -> None:
        """An agent changes a value."""
        self.change(ticket_id, {name: value}, agent)

    def tag_by_person(self, ticket_id: int, *, add: str = "", remove: str = "", agent: int = AGENT) -> None:
        """An agent changes the tags."""
        tags = [tag for tag in self.desk[ticket_id].tags if tag != remove]
        self.set_tags(ticket_id, [*tags, add] if add else tags, agent)

    def change(self, ticket_id: int, values: dict[str, str | None], agent: int = OUR_USER) -> None:
        """Somebody changes values."""
        ticket = self.desk[ticket_id]
        for name, value in values.items():
            ticket.values[name] = value
            ticket.history.append(Change(name, value, agent, self._touch(ticket)))

    def set_tags(self, ticket_id: int, tags: Iterable[str], agent: int = OUR_USER) -> None:
        """Somebody replaces all tags."""
        ticket = self.desk[ticket_id]
        ticket.tags = list(dict.fromkeys(tags))
        ticket.history.append(Change("tags", ",".join(ticket.tags), agent, self._touch(ticket)))

    def now(self) -> float:
        """The time at the helpdesk."""
        return time.time() if self.moment is None else self.moment

    def _touch(self, ticket: DeskTicket) -> float:
        # Versions differ by a second at least, since the helpdesks' do.
        ticket.updated = self.now() if self.moment is not None else max(self.now(), ticket.updated + 1)
        return ticket.updated

    def found(self, request: web.Request, name: str = "id") -> DeskTicket:
        """The ticket of a request, or the answer that there is none."""
        number = int(request.match_info[name])
        if number in self.forbidden:
            raise web.HTTPForbidden(text='{"error": "Forbidden"}')
        if number not in self.desk:
            raise web.HTTPNotFound(text='{"error": "RecordNotFound"}')
        return self.desk[number]

    def check(self, values: dict[str, str | None]) -> None:
        """Refuse values that the helpdesk does not know."""
        for name, value in values.items():
            if (name, str(value)) in self.refused:
                raise self.refusal(name)

    def refusal(self, name: str) -> web.HTTPException:
        """The answer to a value that is not known."""
        kind = {400: web.HTTPBadRequest, 422: web.HTTPUnprocessableEntity}[self.REFUSAL]
        return kind(text=f'{{"error": "RecordInvalid", "description": "{name} is not valid"}}')

    def named(self, field_id: Any) -> str:
        """The name of a value, by its custom field."""
        return next(name for name, known in self.FIELDS.items() if str(known) == str(field_id))

    def custom(self, ticket: DeskTicket) -> dict[str, str | None]:
        """The custom fields with their values."""
        return {str(known): ticket.values[name] for name, known in self.FIELDS.items()}

    def since(self, moment: float) -> list[DeskTicket]:
        """The tickets that were changed since then, the earliest first."""
        return sorted(
            (one for one in self.desk.values() if one.updated >= moment), key=lambda one: (one.updated, one.id)
        )


def iso(moment: float) -> str:
    """A time as most helpdesks write it."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: str | None) -> int | None:
    """A number in JSON, as helpdesks have the ids of groups."""
    return None if value is None else int(value)
