"""The registry of input formats. To add one, write its module and add its name here."""

from collections.abc import Mapping
from importlib import import_module
from typing import Literal, get_args

from triage_schemas.messages.message import InputFormat

FormatName = Literal["json", "text", "avro", "protobuf", "json_schema", "email"]
"""The names of the formats, in the order of the help. Each is a module ``NAME_format`` here, which has a ``FORMAT``."""


def _load(name: str) -> InputFormat:
    declared: InputFormat = import_module(f"triage_schemas.input.{name}_format").FORMAT
    return declared


FORMATS: Mapping[str, InputFormat] = {name: _load(name) for name in get_args(FormatName)}
"""Every input format by its name."""


def describe_formats() -> str:
    """The formats in one phrase for the setting's help: "a JSON object, or the bare text"."""
    *others, last = [declared.description for declared in FORMATS.values()]
    return f"{', '.join(others)}, or {last}"
