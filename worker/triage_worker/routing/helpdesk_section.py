"""The section ``helpdesk`` of ``routes.yaml``: what is written on tickets, and what agents' changes mean."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from triage_schemas.events import Probability

Name = Annotated[str, Field(min_length=1)]
FieldId = int | Name
"""A custom field: its number in Zendesk and Gorgias, its name in the other products."""

Listed = BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value])


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TicketWrites(_Section):
    """What is written on a customer's own ticket. Intent and confidence need a custom field each.

    ``priority`` may be a custom field as well, for a helpdesk whose own priority cannot be set.
    """

    intent: FieldId | None = None
    confidence: FieldId | None = None
    priority: bool | FieldId = True
    group: bool = True
    tags: bool = True


class NewTickets(_Section):
    """What a new ticket has from the helpdesk itself; any other value counts as somebody's decision."""

    priority: Annotated[tuple[Name, ...], Listed] = ()
    group: Annotated[tuple[int, ...], Listed] = ()


class Teaching(_Section):
    """What agents' changes mean where they do not change the intent itself."""

    groups: dict[int, Name] = {}
    tags: dict[str, Name] = {}
    group_confidence: Probability = 0.8


class Helpdesk(_Section):
    """The helpdesk's ids, what is written on customers' tickets, and what agents' changes mean.

    ``groups`` has the group or team of each queue, ``fields`` the custom field of each of a ticket's fields, and
    ``intents`` the value of each intent in its custom field, where that is not the intent's own name.
    """

    groups: dict[str, int] = {}
    fields: dict[str, FieldId] = {}
    ticket: TicketWrites = TicketWrites()
    intents: dict[str, Name] = {}
    new_tickets: NewTickets = NewTickets()
    teach: Teaching = Teaching()
