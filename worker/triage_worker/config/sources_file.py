"""Reads ``sources.yaml``: an error names the file, the line and the column, what is wrong, and what is allowed."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from triage_schemas.validation import FirstError, first_error

from triage_worker.config import marked_yaml
from triage_worker.config.errors import ConfigError
from triage_worker.config.marked_yaml import Location, MarkedYaml
from triage_worker.config.source_model import SourceModel, SourcesModel

PROBLEMS = {
    "missing": "is missing",
    "list_type": "should be a list, each entry of which begins with “- ”",
    "model_type": "should be names and values, as in “topic: shop.chat”",
    "string_type": "should be a text (numbers and yes/no need quotes)",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "is_instance_of": "should be a folder, or folders by language with one for “*”",
}
"""Sentences for pydantic's errors, by their type."""

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def load(path: Path) -> list[SourceModel]:
    """Load the sources of a file, in its order.

    Raises:
        ConfigError: the file cannot be read or is not valid.
    """
    return parse(marked_yaml.read_text(path, "The sources"), str(path))


def parse(text: str, name: str) -> list[SourceModel]:
    """Parse the sources of a text.

    Args:
        text: YAML.
        name: what errors call the text, such as the file's path.

    Raises:
        ConfigError: the text is not valid.
    """
    found = marked_yaml.parse_file(text, name)
    try:
        sources = SourcesModel.model_validate(found.content).sources
    except ValidationError as error:
        raise ConfigError(_describe(first_error(error), found, name)) from None
    for location, problem in _problems(sources):
        raise ConfigError(f"{name}, {found.marks[found.nearest(location)]}: {problem}.")
    return sources


def schema() -> str:
    """Return the JSON Schema of the file, for editors."""
    generated = SourcesModel.model_json_schema()
    generated["$defs"]["SourceModel"]["oneOf"] = [{"required": ["topic"]}, {"required": ["pattern"]}]
    return json.dumps({"$schema": SCHEMA_ID, **_plain(generated)}, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """A schema without what pydantic adds for programs: titles of fields, null, and defaults that are null."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _plain(one) for key, one in value.items() if key not in {"default"}}
    if "properties" in kept:
        kept["properties"] = {name: _untitled(one) for name, one in kept["properties"].items()}
    choices = [one for one in kept.pop("anyOf", []) if one != {"type": "null"}]
    return kept | ({"anyOf": choices} if len(choices) > 1 else choices[0] if choices else {})


def _untitled(value: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if key != "title"}


def _problems(sources: list[SourceModel]) -> Iterator[tuple[Location, str]]:
    """Yield names that are given twice, with their location."""
    topics: set[str] = set()
    names: set[str] = set()
    for index, source in enumerate(sources):
        for number, topic in enumerate(source.topic or ()):
            if topic in topics:
                yield ("sources", index, "topic", number), f"the topic {topic} belongs to another source, too"
            topics.add(topic)
        if source.called in names:
            yield (
                ("sources", index, "name"),
                f"another source is called {source.called!r}, too: give this one another name",
            )
        names.add(source.called)


def _describe(error: FirstError, found: MarkedYaml, name: str) -> str:
    """The first error as a sentence, with its place in the file."""
    location: Location = error.location
    mark = found.marks[found.nearest(location)]
    path = ".".join(str(one) for one in (location if error.kind == "missing" else found.nearest(location)))
    if error.kind == "extra_forbidden":
        return f"{name}, {mark}: {_unknown(str(location[-1]), SourcesModel if len(location) == 1 else SourceModel)}."
    problem = PROBLEMS.get(error.kind, error.message[:1].lower() + error.message[1:])
    return f"{name}, {mark}: {path or 'the file'}: {problem}."


def _unknown(key: str, model: type[BaseModel]) -> str:
    allowed = list(model.model_fields)
    similar = difflib.get_close_matches(key.lower().removeprefix("triage_").replace("-", "_"), allowed, n=1)
    meant = f": did you mean {similar[0]}?" if similar else "."
    return f"{key!r} is not known here{meant} Allowed are {', '.join(allowed)}"
