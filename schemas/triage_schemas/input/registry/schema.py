"""The schemas of a registry: their text as it is registered, and what values are read with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from triage_schemas.input.registry.frames import Frame, SchemaId

SchemaType = Literal["AVRO", "PROTOBUF", "JSON"]


@dataclass(frozen=True, slots=True)
class SchemaText:
    """A schema as it is registered.

    Attributes:
        type: the language that it is written in.
        text: its definition.
        references: the definitions that it uses, by the name that it uses them by; what one needs itself is before it.
    """

    type: SchemaType
    text: str
    references: Mapping[str, str] = field(default_factory=dict)


class UnreadableError(Exception):
    """A value does not have the shape that its schema describes. The message contains nothing of the value."""


class Schema(Protocol):
    """A schema that values are read with."""

    def read(self, frame: Frame) -> Any:
        """Return the value as a JSON parser would: objects, lists, strings, numbers; and bytes where there are any.

        Raises:
            UnreadableError: the value was not written with this schema.
        """
        ...


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A JSON Schema. The value says it all, so it is read as any JSON is."""


@dataclass(frozen=True, slots=True)
class UnusableSchema:
    """A schema that no value can be read with.

    Attributes:
        code: the rejection code of its values.
        problem: why, in one sentence.
    """

    code: Literal["unknown_schema", "bad_schema"]
    problem: str


KnownSchema = Schema | JsonSchema | UnusableSchema

Schemas = Callable[[SchemaId], KnownSchema]
"""Looks up a schema that is there already: whoever decodes has made sure of that."""
