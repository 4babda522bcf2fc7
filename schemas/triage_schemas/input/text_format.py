"""The format "text": the value is the customer's text in UTF-8, and nothing else."""

from triage_schemas.input.fields import default_message_id, text_problem, without_bom
from triage_schemas.messages.message import CustomerMessage, InputFormat, InputShape, Rejected, Source


def decode_text(value: bytes, source: Source, shape: InputShape) -> CustomerMessage | Rejected:
    """Read a bare text. The message's id is its position."""
    value = without_bom(value)
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        return Rejected("not_utf8", f"the value is not UTF-8 at byte {error.start}")
    return text_problem(text, shape) or CustomerMessage(text, default_message_id(source))


FORMAT = InputFormat(
    name="text", description="the bare text", decode=decode_text, codes=("not_utf8",), has_fields=False
)
