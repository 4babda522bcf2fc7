"""Finds the id of the schema that a record was written with, in front of the value or in a header."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

IdKind = Literal["short", "long", "guid", "content", "global"]
"""How a schema is named: by the four or the eight bytes of a frame, by Confluent's GUID, or by an id of Apicurio's."""

CONFLUENT_HEADER = "__value_schema_id"
CONTENT_HEADER = "apicurio.value.contentId"
GLOBAL_HEADER = "apicurio.value.globalId"
MESSAGE_TYPE_HEADER = "apicurio.value.protobuf.type"

MAGIC_ID = 0
MAGIC_GUID = 1
SHORT_FRAME = 5
LONG_FRAME = 9
GUID_FRAME = 17
NO_ID = bytes(4)

KEPT_IDS = 10_000
"""Ids that are kept: nearly all records of a topic have one of a few."""


class SchemaId(NamedTuple):
    """What a record calls its schema."""

    kind: IdKind
    value: str

    def __str__(self) -> str:
        return self.value if self.kind in {"short", "long", "guid"} else f"{self.value} ({self.kind} id)"


class Frame(NamedTuple):
    """A value without the frame around it.

    Attributes:
        schema_id: of the schema that it was written with.
        payload: what the serializer wrote, with Protobuf's message indexes in front of it unless ``indexes`` is set.
        indexes: Protobuf's message indexes, where a header has them.
        message_type: name of the Protobuf message, where a header has it.
    """

    schema_id: SchemaId
    payload: bytes
    indexes: bytes | None = None
    message_type: str | None = None


def read_frame(value: bytes, headers: Sequence[tuple[str, bytes | None]] = ()) -> Frame | None:
    """Return a value's frame; None if neither the value nor a header names a schema.

    A header comes first: a value beside it has no frame. Registries count schemas from 1, so a four-byte id of zero is
    the first half of one of eight bytes, as clients of Apicurio write it.
    """
    named = _by_header(value, headers) if headers else None
    if named is not None:
        return named
    if len(value) < SHORT_FRAME:
        return None
    if value[0] == MAGIC_ID:
        if value[1:SHORT_FRAME] != NO_ID:
            return Frame(_short_id(value[1:SHORT_FRAME]), value[SHORT_FRAME:])
        number = int.from_bytes(value[1:LONG_FRAME]) if len(value) >= LONG_FRAME else 0
        return Frame(SchemaId("long", str(number)), value[LONG_FRAME:]) if number else None
    if value[0] == MAGIC_GUID and len(value) >= GUID_FRAME:
        return Frame(_guid(value), value[GUID_FRAME:])
    return None


def _by_header(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> Frame | None:
    schema_id = indexes = message_type = None
    for name, content in headers:
        if name == CONFLUENT_HEADER and content:
            if content[0] == MAGIC_GUID and len(content) >= GUID_FRAME:
                schema_id, indexes = _guid(content), content[GUID_FRAME:]
            elif content[0] == MAGIC_ID and len(content) >= SHORT_FRAME:
                schema_id = _short_id(content[1:SHORT_FRAME])
                indexes = content[SHORT_FRAME:]
        elif name in {CONTENT_HEADER, GLOBAL_HEADER} and content and len(content) in {4, 8}:
            kind: IdKind = "content" if name == CONTENT_HEADER else "global"
            schema_id = SchemaId(kind, str(int.from_bytes(content)))
        elif name == MESSAGE_TYPE_HEADER:
            message_type = (content or b"").decode(errors="replace")
    return None if schema_id is None else Frame(schema_id, value, indexes or None, message_type)


@lru_cache(KEPT_IDS)
def _short_id(number: bytes) -> SchemaId:
    return SchemaId("short", str(int.from_bytes(number)))


def _guid(value: bytes) -> SchemaId:
    return SchemaId("guid", str(UUID(bytes=bytes(value[1:GUID_FRAME]))))
