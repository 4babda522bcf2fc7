"""Placeholders that connectors write instead of a value that they left out."""

import base64
from collections.abc import Iterable

DEBEZIUM_PLACEHOLDER = "__debezium_unavailable_value"
"""What Debezium writes for a large column that an update does not change, unless it is configured otherwise."""


def placeholder_forms(placeholders: Iterable[str]) -> frozenset[str]:
    """Every form of some placeholders: as text, and as binary columns are encoded, in base64 or in hexadecimal."""
    forms: set[str] = set()
    for placeholder in placeholders:
        encoded = placeholder.encode()
        forms |= {placeholder, encoded.hex()}
        forms |= {base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()}
    return frozenset(forms)
