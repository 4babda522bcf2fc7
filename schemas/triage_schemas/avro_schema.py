"""Generates the Avro schema of an event type.

It can evolve in both directions: whatever may be missing is a union with null, or has a default, so that a field can be
added or left out later. Values of a closed list are strings, since a reader that has an older enum cannot read a new
symbol; the list is in the field's documentation.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from triage_schemas.events import Event

NAMESPACE = "triage.events"
"""Of all records. Code that is generated from the schemas has it as its package, so it never changes."""

SCALARS: dict[Any, Any] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    AwareDatetime: {"type": "long", "logicalType": "timestamp-millis"},
}


def avro_schema(kind: type[Event]) -> dict[str, Any]:
    """Return the schema of the events of a type, with all records that it refers to."""
    return _record(kind, set())


def _record(model: type[BaseModel], known: set[str]) -> dict[str, Any]:
    known.add(model.__name__)
    return {
        "type": "record",
        "name": model.__name__,
        "namespace": NAMESPACE,
        "doc": first_line(model),
        "fields": [_field(name, field, known) for name, field in model.model_fields.items()],
    }


def _field(name: str, field: FieldInfo, known: set[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": name}
    doc = description(field)
    if doc:
        schema["doc"] = doc
    schema["type"] = _type(field.annotation, known)
    if isinstance(schema["type"], list) and schema["type"][0] == "null":
        schema["default"] = None
    else:
        default = field.get_default(call_default_factory=True)
        if default is not PydanticUndefined:
            schema["default"] = default
    return schema


def _type(annotation: Any, known: set[str]) -> Any:
    """Return the schema of a Python type; a record that was described before is referred to by its name."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], known)
    if origin in {Union, UnionType}:
        nullable = ["null"] if NoneType in arguments else []
        return nullable + [_type(one, known) for one in arguments if one is not NoneType]
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], known)}
    if origin is dict:
        return {"type": "map", "values": _type(arguments[1], known)}
    if origin is Literal or annotation in SCALARS:
        return SCALARS.get(annotation, "string")
    name = annotation.__name__
    return f"{NAMESPACE}.{name}" if name in known else _record(annotation, known)


def description(field: FieldInfo) -> str:
    """Return what a field means, with the values that it can have where there is a list of them."""
    values = literal_values(field.annotation)
    listed = f"one of: {', '.join(values)}; more may come" if values else ""
    return "; ".join(filter(None, (field.description, listed)))


def literal_values(annotation: Any) -> tuple[str, ...]:
    """Return the values of a Literal, also of one that is optional; none for another type."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(value for part in get_args(annotation) for value in literal_values(part))


def first_line(model: type[BaseModel]) -> str:
    """Return the first line of a type's documentation."""
    return (model.__doc__ or "").partition("\n")[0]
