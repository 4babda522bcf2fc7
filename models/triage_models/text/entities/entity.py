"""An entity: what it is, where it is, and its value in one way of writing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from triage_models.text.redaction.placeholders import Redacted

EntityType = Literal["order_number", "tracking_number", "email", "date", "amount", "phone", "postcode", "product"]
ENTITY_TYPES: tuple[EntityType, ...] = get_args(EntityType)
"""The types, in the order in which one takes precedence over the next where they overlap."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of a text.

    Attributes:
        type: what it is.
        start: position of its first character in the text.
        end: position after its last character.
        value: its value in one way of writing, such as E.164 for a phone number.
        currency: of an amount, by ISO 4217.
    """

    type: EntityType
    start: int
    end: int
    value: str
    currency: str | None = None


def moved_entities(entities: Sequence[Entity], redacted: Redacted) -> list[Entity]:
    """Return the entities that are still in a redacted text, where they are there."""
    moved = ((entity, redacted.moved(entity.start, entity.end)) for entity in entities)
    return [replace(entity, start=place[0], end=place[1]) for entity, place in moved if place is not None]
