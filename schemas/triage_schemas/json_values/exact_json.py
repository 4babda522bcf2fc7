"""A tolerant JSON parser that keeps numbers as they were written."""

import json
from typing import Any, NoReturn

from triage_schemas.json_values.numbers import WrittenNumber


def parse_exactly(text: str) -> Any:
    """Parse JSON; every number becomes a `WrittenNumber`. Accepts control characters in strings and lone surrogates.

    Raises:
        ValueError: not JSON; NaN and Infinity are not either.
        RecursionError: nested too deeply.
    """
    return json.loads(
        text, strict=False, parse_int=WrittenNumber, parse_float=WrittenNumber, parse_constant=_refuse_constant
    )


def parse_embedded(text: str) -> Any:
    """Parse a string that contains a JSON object or array; None if it contains neither.

    Some producers encode twice: Debezium's connector for MongoDB writes documents as strings.
    """
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return parse_exactly(text)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts."""
    raise ValueError(name)
