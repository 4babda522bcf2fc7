"""The types of the input topic: what a record is decoded from, and what it is decoded to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from triage_schemas.json_values.paths import Path
from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER, placeholder_forms
from triage_schemas.messages.record_parts import RecordParts, is_outside

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
        text_path: the field names that lead to the text in a structured value. This path and the others may also lead
            to a header or the key: see `triage_schemas.messages.record_parts`.
        more_text_paths: those that lead to further texts, which are joined to it; missing ones are left out.
        conversation_path: the field names that lead to the conversation's id.
        subject_path: the field names that lead to the subject of the text; empty if there is none.
        id_path, customer_path, channel_path, language_path: the field names that lead to the message's id, to the
            customer's, to the channel and to the language; empty for ``message_id``, ``customer_id``, ``channel`` and
            ``language``.
        ticket_path: those that lead to the id of the helpdesk's ticket; empty for ``ticket_id``.
        channel: that of messages that give none.
        language: that of messages that give none.
        max_message_bytes: size limit of a value.
        max_text_bytes: size limit of the text, in UTF-8.
        skip_unchanged: whether an update of a change log that leaves the text as it was is skipped.
        placeholders: strings that stand for a value that a connector left out; never a text or an id. See
            `triage_schemas.messages.placeholders.placeholder_forms`.
        html_to_text: reads the HTML of an e-mail that has no plain text; None leaves it as it is.
        record: the headers and the key of the record that is decoded; None if no path leads there.
        reads_outside: whether a path leads to a header or the key.
    """

    format: str = "json"
    text_path: tuple[str, ...] = ("text",)
    conversation_path: tuple[str, ...] = ("conversation_id",)
    more_text_paths: tuple[Path, ...] = ()
    subject_path: tuple[str, ...] = ()
    id_path: tuple[str, ...] = ()
    customer_path: tuple[str, ...] = ()
    channel_path: tuple[str, ...] = ()
    language_path: tuple[str, ...] = ()
    ticket_path: tuple[str, ...] = ()
    channel: str | None = None
    language: str | None = None
    max_message_bytes: int = 1_048_576
    max_text_bytes: int = 65_536
    skip_unchanged: bool = True
    placeholders: frozenset[str] = placeholder_forms([DEBEZIUM_PLACEHOLDER])
    html_to_text: Callable[[str], str] | None = field(default=None, compare=False)
    record: RecordParts | None = field(default=None, compare=False)
    reads_outside: bool = field(init=False, default=False, compare=False)

    def __post_init__(self) -> None:
        """Find out once whether a path leads to a header or the key."""
        object.__setattr__(self, "reads_outside", any(map(is_outside, self.paths)))

    @property
    def text_paths(self) -> tuple[Path, ...]:
        """The paths to all texts, in the order in which they are joined."""
        return (self.text_path, *self.more_text_paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All paths."""
        names = (self.id_path, self.conversation_path, self.customer_path, self.channel_path, self.language_path)
        return (*self.text_paths, self.subject_path, *names, self.ticket_path)

    def of_record(self, headers: Sequence[tuple[str, bytes | None]], key: bytes | None) -> "InputShape":
        """This shape with the headers and the key of a record, if a path leads there."""
        return replace(self, record=RecordParts(headers, key)) if self.reads_outside else self


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """One customer message, with the fields that Triage uses. ``metadata`` contains scalars only.

    ``automatic`` says that no customer wrote the message, as far as its headers tell; it has no intent then.
    ``helpdesk_ticket_id`` is the id of the helpdesk's ticket that the message belongs to, if it came from a helpdesk.
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
    helpdesk_ticket_id: str | None = None


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
        has_fields: whether paths lead into the value.
    """

    name: str
    description: str
    decode: Decoder
    codes: tuple[str, ...]
    decode_null: Callable[[InputShape], Decoded] = reject_null
    has_fields: bool = True
