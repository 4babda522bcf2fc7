"""Reads values and headers of records that are known not to be null."""

from typing import Any

import orjson
from aiokafka import ConsumerRecord


def json_of(record: ConsumerRecord) -> Any:
    """Parse a record's value."""
    assert record.value is not None
    return orjson.loads(record.value)


def headers_of(record: ConsumerRecord) -> dict[str, bytes]:
    """Return a record's headers by name."""
    headers = {}
    for name, value in record.headers:
        assert value is not None, name
        headers[name] = value
    return headers
