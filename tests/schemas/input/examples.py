"""What the tests of the decoders share."""

from triage_schemas.input.decoder import decode
from triage_schemas.messages.message import CustomerMessage, InputShape, Source

SOURCE = Source("customer.messages", 3, 1042)
JSON = InputShape()
TEXT = InputShape(format="text")
NESTED = InputShape(text_path=("payload", "body", "text"))


def accepted(value: bytes, shape: InputShape = JSON) -> CustomerMessage:
    """The message that a value is decoded to; fails if the value is rejected."""
    message = decode(value, SOURCE, shape)
    assert isinstance(message, CustomerMessage), message
    return message
