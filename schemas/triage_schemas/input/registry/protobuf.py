"""Reads Protobuf by the schema that it was written with."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from triage_schemas.input.registry.frames import Frame
from triage_schemas.input.registry.proto_compiler import compile_file
from triage_schemas.input.registry.schema import SchemaText, UnreadableError

MOST_INDEXES = 64
"""Messages nested more deeply than this have no index of their own here."""

WRAPPERS = {"Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64"}
JSON_FORMS = frozenset({"Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue"})
"""Types of Google's that have a form of their own in JSON."""

KEPT_MESSAGES = 5_000
"""Types of messages whose conversion is kept; there can be several in a schema."""

Convert = Callable[[Any], Any]


class ProtobufSchema:
    """A Protobuf schema: a file with one or more messages, of which each value says which it is.

    Raises:
        Exception: the schema is not valid.
    """

    def __init__(self, schema: SchemaText) -> None:
        self._file = compile_file(schema)
        self._classes: dict[str, type[Message]] = {}
        self._indexed: dict[tuple[int, ...], Descriptor] = {}

    def read(self, frame: Frame) -> Any:
        """Read one value; see `triage_schemas.input.registry.schema.Schema`."""
        descriptor, payload = self._message(frame)
        message = self._class(descriptor)()
        try:
            message.ParseFromString(payload)
        except (DecodeError, ValueError) as error:
            name = type(error).__name__
            raise UnreadableError(f"the value is no {descriptor.full_name} of its Protobuf schema ({name})") from None
        return plain_message(message)

    def _message(self, frame: Frame) -> tuple[Descriptor, bytes]:
        """The message that a value is, and the value without what says so."""
        if frame.message_type is not None:
            return self._by_name(frame.message_type), frame.payload
        if frame.indexes is not None:
            indexes, _ = read_indexes(frame.indexes)
            return self._by_indexes(indexes), frame.payload
        if frame.schema_id.kind in {"content", "global"}:  # a header named it, and no header the message
            return self._by_indexes([0]), frame.payload
        named = _apicurio_name(frame.payload)
        if named is not None and named[0] in self._names(self._file.message_types_by_name.values()):
            return self._by_name(named[0]), named[1]
        indexes, length = read_indexes(frame.payload)
        return self._by_indexes(indexes), frame.payload[length:]

    def _by_indexes(self, indexes: Sequence[int]) -> Descriptor:
        path = tuple(indexes)
        if path not in self._indexed:
            self._indexed[path] = self._find(path)
        return self._indexed[path]

    def _find(self, indexes: Sequence[int]) -> Descriptor:
        siblings: Sequence[Descriptor] = list(self._file.message_types_by_name.values())
        found = None
        for index in indexes:
            if not 0 <= index < len(siblings):
                raise UnreadableError("the value names a message that its Protobuf schema does not have")
            found = siblings[index]
            siblings = found.nested_types
        assert found is not None
        return found

    def _by_name(self, name: str) -> Descriptor:
        for descriptor in self._file.message_types_by_name.values():
            if name in {descriptor.name, descriptor.full_name}:
                return descriptor
        raise UnreadableError("the value names a message that its Protobuf schema does not have")

    @staticmethod
    def _names(descriptors: Any) -> set[str]:
        return {name for descriptor in descriptors for name in (descriptor.name, descriptor.full_name)}

    def _class(self, descriptor: Descriptor) -> type[Message]:
        found = self._classes.get(descriptor.full_name)
        if found is None:
            found = self._classes[descriptor.full_name] = message_factory.GetMessageClass(descriptor)
        return found


def read_indexes(data: bytes) -> tuple[list[int], int]:
    """Read the message indexes that Confluent's clients write: a count and as many numbers; only a zero means [0].

    Returns:
        The indexes, and how many bytes they take.
    """
    count, position = _varint(data, 0)
    if not 0 <= count <= MOST_INDEXES:
        raise UnreadableError("the value has no message indexes, which Protobuf of a schema registry begins with")
    indexes = []
    for _ in range(count):
        index, position = _varint(data, position)
        indexes.append(index)
    return indexes or [0], position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Read a number in zigzag encoding."""
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
    raise UnreadableError("the value has no message indexes, which Protobuf of a schema registry begins with")


def _apicurio_name(payload: bytes) -> tuple[str, bytes] | None:
    """The name of the message that Apicurio's clients write in front of a value, as a message with one string."""
    length = payload[0] if payload else 0
    if not 2 < length < 0x80 or len(payload) <= length or payload[1] != 0x0A or payload[2] != length - 2:
        return None
    return payload[3 : length + 1].decode(errors="replace"), payload[length + 1 :]


def plain_message(message: Message) -> Any:
    """Turn a message into what a JSON parser would return, with fields named as in the schema.

    Fields that proto3 leaves out because they have their default value are there.
    """
    return _of_message(message.DESCRIPTOR)(message)


@lru_cache(KEPT_MESSAGES)
def _of_message(kind: Descriptor) -> Convert:
    """Work out once how the messages of a type are converted, which a descriptor tells slowly."""
    name = kind.full_name
    if name.startswith("google.protobuf."):
        short = name.rpartition(".")[2]
        if short.removesuffix("Value") in WRAPPERS and short.endswith("Value"):
            return attrgetter("value")
        if short in JSON_FORMS:
            as_json: Convert = json_format.MessageToDict
            return as_json
    fields = [(field.name, field.has_presence, _of_field(field)) for field in kind.fields]

    def convert(message: Message) -> dict[str, Any]:
        found = {}
        for name, may_be_missing, plain in fields:
            if not may_be_missing or message.HasField(name):
                value = getattr(message, name)
                found[name] = value if plain is None else plain(value)
        return found

    return convert


def _of_field(field: FieldDescriptor) -> Convert | None:
    """How the value of a field is converted; None if it stays as it is."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        of_entry = _of_value(kind.fields_by_name["value"]) or _same
        return lambda value: {_key(key): of_entry(entry) for key, entry in value.items()}
    of_value = _of_value(field)
    if field.is_repeated:
        of_item = of_value or _same
        return lambda value: [of_item(item) for item in value]
    return of_value


def _of_value(field: FieldDescriptor) -> Convert | None:
    if field.message_type is not None:
        return plain_message  # which finds out later how: a type can contain itself
    if field.enum_type is not None:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return lambda number: names.get(number, number)
    return None


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _same(value: Any) -> Any:
    return value
