"""The types of the input topic: what a record is decoded from, and what it is decoded to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER, placeholder_forms

Scalar = str | int | float | bool

NULL_VALUE = "null_value"
EMPTY_VALUE = "empty_value"
COMMON_CODES = (NULL_VALUE, EMPTY_VALUE, "too_large", "no_text", "text_blank", "text_too_large", "lone_surrogate")
"""Rejection codes that every format shares."""


class Source(NamedTuple):
    """The position of a record in Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class InputShape:
    """The format of the values on the input topic, and their size limits.

    Attributes:
        format: a name in `triage_schemas.input.formats.FORMATS`.
        text_path: the field names that lead to the text in a structured value.
        conversation_path: the field names that lead to the conversation's id.
        subject_path: the field names that lead to the subject of the text; empty if there is none.
        max_message_bytes: size limit of a value.
        max_text_bytes: size limit of the text, in UTF-8.
        skip_unchanged: whether an update of a change log that leaves the text as it was is skipped.
        placeholders: strings that stand for a value that a connector left out; never a text or an id. See
            `triage_schemas.messages.placeholders.placeholder_forms`.
        html_to_text: reads the HTML of an e-mail that has no plain text; None leaves it as it is.
    """

    format: str = "json"
    text_path: tuple[str, ...] = ("text",)
    conversation_path: tuple[str, ...] = ("conversation_id",)
    subject_path: tuple[str, ...] = ()
    max_message_bytes: int = 1_048_576
    max_text_bytes: int = 65_536
    skip_unchanged: bool = True
    placeholders: frozenset[str] = placeholder_forms([DEBEZIUM_PLACEHOLDER])
    html_to_text: Callable[[str], str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """One customer message, with the fields that Triage uses. ``metadata`` contains scalars only.

    ``automatic`` says that no customer wrote the message, as far as its headers tell; it has no intent then.
    """

    text: str
    message_id: str
    conversation_id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    language: str | None = None
    created_at: str | None = None
    metadata: dict[str, Scalar] = field(default_factory=dict)
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a record cannot be read and becomes a dead letter.

    Attributes:
        code: a stable code; operators filter and replay dead letters by it.
        message: an explanation that contains none of the customer's text.
    """

    code: str
    message: str


SkipReason = Literal[
    "unchanged", "no_text", "delete", "tombstone", "truncate", "schema_change", "heartbeat", "transaction", "control"
]
"""Every reason that a record can be skipped for; each has a row in docs/topics.md."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why a record is no new message: it needs no answer, and is no dead letter either.

    Attributes:
        reason: a stable word that skipped records are counted by.
    """

    reason: SkipReason


Decoded = CustomerMessage | Rejected | Skipped


def reject_null(_shape: InputShape) -> Decoded:
    """Make a dead letter of a null value."""
    return Rejected(NULL_VALUE, "the value is null")


Decoder = Callable[[bytes, Source, InputShape], Decoded]
"""Reads a value that is not empty and within the size limit. Returns a `Rejected` for bad input and never raises."""


@dataclass(frozen=True, slots=True)
class InputFormat:
    """One input format.

    Attributes:
        name: its value in ``TRIAGE_INPUT_FORMAT``.
        description: what a value is, for the help of that setting, such as "a JSON object".
        decode: reads one value.
        codes: the rejection codes it uses besides `COMMON_CODES`; each has a row in docs/topics.md.
        decode_null: reads a null value.
    """

    name: str
    description: str
    decode: Decoder
    codes: tuple[str, ...]
    decode_null: Callable[[InputShape], Decoded] = reject_null
