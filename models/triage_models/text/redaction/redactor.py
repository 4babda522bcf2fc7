"""Replaces personal data by placeholders."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from triage_models.text.email_addresses import email_addresses
from triage_models.text.phone_numbers import phone_numbers
from triage_models.text.redaction.addresses import addresses
from triage_models.text.redaction.names import names
from triage_models.text.redaction.payment import cards, ibans
from triage_models.text.redaction.placeholders import Redacted, replace_spans
from triage_models.text.spans import Span, without_overlaps

PersonalData = Literal["card", "iban", "email", "address", "phone", "name"]
PERSONAL_DATA: tuple[PersonalData, ...] = get_args(PersonalData)
"""The types, in the order in which one takes precedence over the next where they overlap."""

REGIONS = (
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "PT",
    "BR",
    "US",
    "NL",
    "BE",
    "AT",
    "CH",
    "PL",
    "TR",
    "IN",
    "ID",
    "MX",
    "AR",
    "AE",
)
"""The countries whose national phone numbers are recognised besides the default region's."""

_DETECTORS: Mapping[PersonalData, Callable[[str], Iterable[Span]]] = {
    "card": cards,
    "iban": ibans,
    "email": email_addresses,
    "address": addresses,
    "name": names,
}


class Redactor:
    """Finds personal data and replaces it by typed placeholders.

    Args:
        kinds: the types to replace.
        region: the country, by ISO 3166, whose national phone numbers are the most likely ones.
    """

    def __init__(self, kinds: Iterable[PersonalData] = PERSONAL_DATA, region: str = "US") -> None:
        chosen = set(kinds)
        self.kinds: tuple[PersonalData, ...] = tuple(kind for kind in PERSONAL_DATA if kind in chosen)
        self._regions: Sequence[str] = tuple(dict.fromkeys((region, *REGIONS)))

    def find(self, text: str) -> list[Span]:
        """Return where personal data is, in order and without overlaps."""
        return without_overlaps(span for kind in self.kinds for span in self._found(kind, text))

    def redact(self, text: str) -> Redacted:
        """Replace personal data by placeholders such as ``[EMAIL_1]``, the same one for the same value."""
        return replace_spans(text, self.find(text))

    def _found(self, kind: PersonalData, text: str) -> Iterator[Span]:
        if kind == "phone":
            yield from (span for span, _ in phone_numbers(text, self._regions))
        else:
            yield from (Span(kind, span.start, span.end) for span in _DETECTORS[kind](text))
