"""Shows values of records without personal data and secrets, on one short line."""

from collections.abc import Callable
from typing import Any

from triage_models.text.redaction.redactor import Redactor
from triage_schemas.json_values.paths import Path
from triage_schemas.messages.names import one_line

from triage_worker.doctor.names import TIMES, is_persons_name, is_secret, leaf_words
from triage_worker.doctor.values import is_time

READ = 2_000
"""Characters of a value that are looked at: more are never shown."""

Mask = Callable[[str], str]


def masking(region: str) -> Mask:
    """Return what replaces personal data in a text, whatever the settings for the LLM and the review say.

    Args:
        region: the country whose phone numbers are the most likely ones.
    """
    redactor = Redactor(region=region)
    return lambda text: one_line(redactor.redact(text[:READ]).text)


def example_of(path: Path, value: Any, mask: Mask) -> str:
    """Return a value as an example of its field."""
    if is_secret(path):
        return "[SECRET]"
    if is_persons_name(path) and isinstance(value, str) and any(map(str.isalnum, value)):
        return "[PERSONAL]"
    if is_time(value) and TIMES.intersection(leaf_words(path)):
        return str(value)  # the milliseconds since 1970 could also be a phone number
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return mask(value if isinstance(value, str) else str(value))
