"""Finds the entities of a text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from triage_models.text.email_addresses import email_addresses, plain_address
from triage_models.text.entities.amounts import amounts
from triage_models.text.entities.catalogue import Catalogue
from triage_models.text.entities.codes import postcodes, tracking_numbers
from triage_models.text.entities.dates import dates
from triage_models.text.entities.entity import ENTITY_TYPES, Entity, EntityType
from triage_models.text.entities.order_numbers import OrderNumbers
from triage_models.text.order_words import is_behind_order_word
from triage_models.text.phone_numbers import phone_numbers
from triage_models.text.plain import plain

_DIGIT = re.compile(r"\d")
"""Only an e-mail address, an order number or a product may be without one; most messages have none."""

MONTH_FIRST = ("US",)
MOST_ENTITIES = 50
"""Entities of a message that are kept."""


class EntityExtractor:
    """Finds entities.

    Args:
        types: the types to find.
        region: the country, by ISO 3166, whose phone numbers, postcodes and dates are expected.
        order_numbers: the shop's pattern; None finds no order numbers.
        catalogue: the shop's products; None finds none.
    """

    def __init__(
        self,
        types: Iterable[EntityType] = ENTITY_TYPES,
        region: str = "US",
        order_numbers: OrderNumbers | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._types = frozenset(types)
        self._region = region
        self._order_numbers = order_numbers if "order_number" in self._types else None
        self._catalogue = catalogue if "product" in self._types else None

    def find(self, text: str) -> list[Entity]:
        """Return the entities of a text, in order and without overlaps."""
        kept: list[Entity] = []
        for entity in self._candidates(text):
            if all(entity.end <= other.start or other.end <= entity.start for other in kept):
                kept.append(entity)
                if len(kept) == MOST_ENTITIES:
                    break
        return sorted(kept, key=lambda entity: entity.start)

    def _candidates(self, text: str) -> Iterator[Entity]:
        if self._order_numbers is not None:
            yield from self._order_numbers.find(text)
        readable = plain(text)
        for entity in self._by_form(readable.text):
            start, end = readable.original(entity.start, entity.end)
            yield entity if readable.places is None else replace(entity, start=start, end=end)
        if self._catalogue is not None:
            yield from self._catalogue.find(text)

    def _by_form(self, text: str) -> Iterator[Entity]:
        types, has_digit = self._types, _DIGIT.search(text) is not None
        if has_digit and "tracking_number" in types:
            yield from tracking_numbers(text)
        if "email" in types:
            for span in email_addresses(text):
                yield Entity("email", span.start, span.end, plain_address(text[span.start : span.end]))
        if has_digit:
            yield from self._with_figures(text)

    def _with_figures(self, text: str) -> Iterator[Entity]:
        types = self._types
        if "date" in types:
            yield from dates(text, month_first=self._region in MONTH_FIRST)
        if "amount" in types:
            yield from amounts(text)
        if "phone" in types:
            for span, number in phone_numbers(text, (self._region,)):
                if text[span.start] in "+(" or not is_behind_order_word(text, span.start):
                    yield Entity("phone", span.start, span.end, number)
        if "postcode" in types:
            yield from postcodes(text, self._region)
