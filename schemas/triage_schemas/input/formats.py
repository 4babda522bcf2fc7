"""The registry of input formats. To add one, write a module with a ``FORMAT`` and list it here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from triage_schemas.input import json_format, text_format
from triage_schemas.input.message import COMMON_CODES, InputFormat

FORMATS: Mapping[str, InputFormat] = {
    declared.name: declared
    for declared in (
        json_format.FORMAT,
        text_format.FORMAT,
    )
}
"""Every input format by its name; the order is the one that the help lists them in."""

REJECTION_CODES = frozenset(COMMON_CODES).union(*(declared.codes for declared in FORMATS.values()))
"""Every code that a `triage_schemas.input.message.Rejected` can have."""

# Type checkers cannot evaluate a Literal made from the registry, so they see a string. Pydantic gets the names.
if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[tuple(FORMATS)]


def describe_formats() -> str:
    """The formats in one phrase for the setting's help: "a JSON object, or the bare text"."""
    *others, last = [declared.description for declared in FORMATS.values()]
    return f"{', '.join(others)}, or {last}"
