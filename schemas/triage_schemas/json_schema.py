"""Generates the JSON Schema of an event type, for a registry.

It describes what is written, so objects are closed: a registry then takes a later version with further fields as
compatible (BACKWARD), which it doesn't for objects that could have had any field before. Values of a closed list are
strings, as in Avro. The draft is the one that the clients and compatibility checks of all registries know.
"""

from typing import Any

from triage_schemas.avro_schema import first_line
from triage_schemas.events import Event

DRAFT = "http://json-schema.org/draft-07/schema#"


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """Return the schema of the events of a type, with all that it refers to."""
    generated = kind.model_json_schema(mode="serialization", ref_template="#/definitions/{model}")
    definitions = generated.pop("$defs", {})
    schema = {"$schema": DRAFT, "title": kind.__name__, **_without_titles(generated), "description": first_line(kind)}
    if definitions:
        schema["definitions"] = {name: _without_titles(one) for name, one in definitions.items()}
    return schema


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object's schema without the titles that only repeat names, and without lists of values."""
    properties = {name: _open_values(field) for name, field in schema["properties"].items()}
    return {name: value for name, value in schema.items() if name != "title"} | {"properties": properties}


def _open_values(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema with the list of its values, if it has one, in the description only."""
    changed = {name: value for name, value in field.items() if name not in {"title", "enum"}}
    if "anyOf" in field:
        changed["anyOf"] = [{name: value for name, value in one.items() if name != "enum"} for one in field["anyOf"]]
    lists = [one["enum"] for one in (field, *field.get("anyOf", ())) if "enum" in one]
    if lists:
        listed = f"one of: {', '.join(lists[0])}; more may come"
        changed["description"] = "; ".join(filter(None, (field.get("description"), listed)))
    return changed
