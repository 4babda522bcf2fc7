"""What a source of messages may set: its topics, and any of the settings that say how messages are read and decided."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator
from pydantic.json_schema import WithJsonSchema
from triage_schemas.input.formats import FormatName

from triage_worker.config.bundle_paths import BundlePaths, parse_bundle_paths
from triage_worker.config.field_paths import FieldPath, FieldPaths
from triage_worker.config.settings import Settings
from triage_worker.config.text_settings import EntityNames, OrderPattern, Region
from triage_worker.config.topic_selection import topic_name, topic_pattern
from triage_worker.config.types import CommaSeparatedNames, Lower

SETTINGS_OF = {"format": "input_format"}
"""The settings whose names differ from those in the file, by the latter."""

ONLY_HERE = ("name", "topic", "pattern", "channel", "language")
"""What is no setting."""


def _described(name: str) -> str:
    return str(Settings.model_fields[SETTINGS_OF.get(name, name)].description)


def _like(name: str) -> Any:
    """A field that is not set, with the description of its setting."""
    return Field(None, description=f"{_described(name)}; unset: that of TRIAGE_{SETTINGS_OF.get(name, name).upper()}")


def _joined(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _bundles(value: Any) -> Any:
    """A folder, or folders by language, as a mapping or as in the setting."""
    if isinstance(value, dict) and all(isinstance(one, str) for one in (*value, *value.values())):
        return parse_bundle_paths(json.dumps(value))
    return parse_bundle_paths(value) if isinstance(value, str) else value


def _one_or_several(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})


TEXT = {"type": "string", "minLength": 1}
FOLDERS = {"anyOf": [TEXT, {"type": "object", "additionalProperties": TEXT, "required": ["*"]}]}

TopicName = Annotated[str, AfterValidator(topic_name)]
TopicNames = Annotated[
    list[TopicName],
    BeforeValidator(_listed),
    Field(min_length=1),
    _one_or_several({"type": "string", "pattern": "^[a-zA-Z0-9._-]{1,249}$"}),
]
Names = Annotated[CommaSeparatedNames, BeforeValidator(_joined), _one_or_several(TEXT)]
Entities = Annotated[EntityNames, BeforeValidator(_joined), _one_or_several(TEXT)]
Texts = Annotated[FieldPaths, _one_or_several(TEXT)]
Pattern = Annotated[str, AfterValidator(topic_pattern), WithJsonSchema({"type": "string", "pattern": r"^\^"})]
SourceBundles = Annotated[BundlePaths, BeforeValidator(_bundles), WithJsonSchema(FOLDERS)]


class SourceModel(BaseModel):
    """Topics whose messages are read and decided in the same way. What is not set is as the environment says."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    name: str | None = Field(
        None, min_length=1, max_length=100, description="what metrics and logs call it; unset: its first topic"
    )
    topic: TopicNames | None = Field(None, description="the topic, or a list of topics")
    pattern: Pattern | None = Field(
        None, description="instead of topic: a regular expression (RE2) that begins with ^ and matches whole names"
    )
    format: Annotated[FormatName, Lower] | None = _like("format")
    text_field: Texts | None = _like("text_field")
    subject_field: FieldPath | None = _like("subject_field")
    id_field: FieldPath | None = _like("id_field")
    conversation_field: FieldPath | None = _like("conversation_field")
    customer_field: FieldPath | None = _like("customer_field")
    channel_field: FieldPath | None = _like("channel_field")
    language_field: FieldPath | None = _like("language_field")
    helpdesk_ticket_field: FieldPath | None = _like("helpdesk_ticket_field")
    channel: str | None = Field(None, min_length=1, description="the channel of messages that give none")
    language: str | None = Field(None, min_length=1, description="the language of messages that give none")
    detect_language: bool | None = _like("detect_language")
    clean_email: bool | None = _like("clean_email")
    skip_unchanged: bool | None = _like("skip_unchanged")
    text_placeholders: Names | None = _like("text_placeholders")
    max_message_bytes: PositiveInt | None = _like("max_message_bytes")
    max_text_bytes: PositiveInt | None = _like("max_text_bytes")
    entities: Entities | None = _like("entities")
    order_pattern: OrderPattern | None = _like("order_pattern")
    catalogue: Path | None = _like("catalogue")
    region: Region | None = _like("region")
    bundle: SourceBundles | None = _like("bundle")

    @model_validator(mode="after")
    def _topics(self) -> "SourceModel":
        if (self.topic is None) == (self.pattern is None):
            raise ValueError("a source has either topic or pattern")
        return self

    @property
    def called(self) -> str:
        """The name of this source, or else its first topic, or its pattern."""
        return self.name or (self.topic[0] if self.topic else str(self.pattern))

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that this source sets, by their names."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in ONLY_HERE}
        return {SETTINGS_OF.get(name, name): value for name, value in given.items() if value is not None}


class SourcesModel(BaseModel):
    """The topics that a worker reads."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, title="Sources of Triage's worker")

    sources: list[SourceModel] = Field(
        min_length=1, description="a topic belongs to the first source that names it, or else that matches it"
    )
