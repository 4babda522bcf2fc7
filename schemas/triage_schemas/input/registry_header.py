"""The header that a schema registry's client writes before a value: a zero byte, then the schema's id in four bytes."""

HEADER_BYTES = 5


def is_present(value: bytes) -> bool:
    """Whether a value begins with such a header. No JSON and no readable text begins with a zero byte."""
    return value.startswith(b"\0")


def remove(value: bytes) -> bytes:
    """The value without its header."""
    return value[HEADER_BYTES:]
