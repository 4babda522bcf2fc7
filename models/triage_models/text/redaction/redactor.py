"""Replaces personal data by placeholders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

from triage_models.text.email_addresses import email_addresses
from triage_models.text.phone_numbers import phone_numbers
from triage_models.text.plain import plain
from triage_models.text.redaction.addresses import addresses
from triage_models.text.redaction.cards import cards
from triage_models.text.redaction.ibans import ibans
from triage_models.text.redaction.names import names
from triage_models.text.redaction.placeholders import Redacted, replace_spans
from triage_models.text.spans import Span, without_overlaps

PersonalData = Literal["card", "iban", "email", "address", "phone", "name"]
PERSONAL_DATA: tuple[PersonalData, ...] = get_args(PersonalData)
"""The types. Where two overlap, an IBAN comes before a card (its check is stronger); then the order is this one."""

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
    "iban": ibans,
    "card": cards,
    "email": email_addresses,
    "address": addresses,
    "name": names,
}


_TAKEN = "|"


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
        readable = plain(text)
        spans = self._found(readable.text)
        return [Span(span.kind, *readable.original(span.start, span.end)) for span in spans]

    def redact(self, text: str) -> Redacted:
        """Replace personal data by placeholders such as ``[EMAIL_1]``, the same one for the same value."""
        return replace_spans(text, self.find(text))

    def _found(self, text: str) -> list[Span]:
        spans = [span for kind, detect in _DETECTORS.items() if kind in self.kinds for span in detect(text)]
        if "phone" in self.kinds:
            spans += [span for span, _ in phone_numbers(_without(text, spans), self._regions)]
        return without_overlaps(spans)


def _without(text: str, spans: Sequence[Span]) -> str:
    """Blank out what is found already, so that a phone number right behind a card is not taken for a part of it."""
    if not spans:
        return text
    marks = list(text)
    for span in spans:
        marks[span.start : span.end] = _TAKEN * (span.end - span.start)
    return "".join(marks)
