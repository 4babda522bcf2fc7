"""The settings that say where a field of a message is: in its value, in a header, or in its key."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from triage_schemas.json_values.paths import Path
from triage_schemas.messages.record_parts import HEADER, KEY

NAMES = re.compile(r"[^.]+(\.[^.]+)*")
ALLOWED = "names joined by dots, header:NAME, key: or key: and names joined by dots"


def field_path(value: str) -> str:
    """Check where a field is, and return it.

    Raises:
        ValueError: it is none of the forms that are allowed; says which.
    """
    value = value.strip()
    kind, colon, rest = value.partition(":")
    if colon and kind + colon == HEADER and rest:
        return value
    if colon and kind + colon == KEY and (not rest or NAMES.fullmatch(rest)):
        return value
    if colon and kind in {"header", "key"}:
        raise ValueError(f"{value!r} should be {ALLOWED}")
    if not NAMES.fullmatch(value):
        raise ValueError(f"{value!r} should be {ALLOWED}")
    return value


def field_paths(value: str) -> str:
    """Check several fields, separated by commas, and return them.

    Raises:
        ValueError: one of them is none, or is given twice.
    """
    fields = [field_path(part) for part in value.split(",") if part.strip()]
    if not fields:
        raise ValueError(f"{value!r} should be {ALLOWED}; several separated by commas")
    for field in fields:
        if fields.count(field) > 1:
            raise ValueError(f"{field} is given twice")
    return ",".join(fields)


def path_of(field: str) -> Path:
    """Return the path that `triage_schemas` finds a field by; those outside of the value begin with their kind."""
    if field.startswith(HEADER):
        return (HEADER, field.removeprefix(HEADER))
    if field.startswith(KEY):
        inner = field.removeprefix(KEY)
        return (KEY, *(inner.split(".") if inner else ()))
    return tuple(field.split("."))


def paths_of(fields: str) -> tuple[Path, ...]:
    """Return the paths of several fields."""
    return tuple(path_of(field) for field in fields.split(","))


def _joined(value: Any) -> Any:
    """A list, as a file may have it, as one string."""
    return ",".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


FieldPath = Annotated[str, AfterValidator(field_path)]
FieldPaths = Annotated[str, BeforeValidator(_joined), AfterValidator(field_paths)]
