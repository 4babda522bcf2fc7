from pathlib import Path

import triage_schemas.input
from triage_schemas.input.formats import FORMATS, describe_formats
from triage_worker.config.settings import Settings

from tests.schemas.input.codes import REJECTION_CODES

FOLDER = Path(triage_schemas.input.__path__[0])


def test_every_format_module_is_registered() -> None:
    modules = {path.stem.removesuffix("_format") for path in FOLDER.glob("*_format.py")}
    assert modules == set(FORMATS)


def test_a_registered_format_is_a_value_of_the_setting() -> None:
    assert FORMATS.keys() == {"json", "text", "avro", "protobuf", "json_schema", "email"}
    for name in FORMATS:
        assert FORMATS[name].name == name
        assert Settings(input_format=name.upper(), schema_registry_url="http://registry").input_format == name


def test_the_help_of_the_setting_describes_every_format() -> None:
    description = Settings.model_fields["input_format"].description
    assert description == (
        "what a message's value is: a JSON object, the bare text, Avro, Protobuf, JSON of a schema registry, "
        "or a whole e-mail with its headers"
    )
    assert describe_formats() in description


def test_the_rejection_codes_are_stable() -> None:
    assert sorted(REJECTION_CODES) == [
        "bad_schema",
        "empty_value",
        "lone_surrogate",
        "no_schema_id",
        "no_text",
        "not_by_schema",
        "not_email",
        "not_json",
        "not_object",
        "not_utf8",
        "null_value",
        "several_messages",
        "text_blank",
        "text_not_string",
        "text_too_large",
        "too_deep",
        "too_large",
        "unknown_schema",
    ]
