"""Turns the values of typed formats into those that a JSON parser returns."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from triage_schemas.json_values.numbers import WrittenNumber


def plain(value: Any) -> Any:
    """Turn times into RFC 3339, decimals into numbers as written, and UUIDs into strings; bytes stay bytes."""
    if isinstance(value, dict):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return WrittenNumber(format(value, "f"))
    return str(value) if isinstance(value, UUID) else value


def as_written(value: Any) -> Any:
    """Turn every number into a `WrittenNumber`, so that it can be an id."""
    if isinstance(value, dict):
        return {name: as_written(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [as_written(entry) for entry in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return WrittenNumber(repr(value))
    return value
