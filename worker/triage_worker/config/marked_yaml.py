"""Reads YAML into plain values, and keeps where in the text each value is, so that errors can name the place."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from triage_worker.config.errors import ConfigError

MOST_VALUES = 50_000
"""Of a text: aliases that contain aliases can stand for more values than fit into memory."""

Location = tuple[Hashable, ...]
"""Names and indices that lead from the top to a value."""


class Mark(NamedTuple):
    """A place in a text; both numbers begin with 1."""

    line: int
    column: int

    def __str__(self) -> str:
        """Name the place."""
        return f"line {self.line}, column {self.column}"


class MarkedError(Exception):
    """A text is not YAML; ``str()`` says why, without a full stop."""

    def __init__(self, problem: str, mark: Mark | None) -> None:
        super().__init__(problem)
        self.mark = mark


@dataclass(frozen=True, slots=True)
class MarkedYaml:
    """The content of a text.

    Attributes:
        content: plain values; an empty text is an empty mapping.
        marks: where each value is; an entry of a mapping is where its name is.
    """

    content: Any
    marks: Mapping[Location, Mark]

    def nearest(self, location: Location) -> Location:
        """Return the longest beginning of a location that is in the text."""
        while location not in self.marks:
            location = location[:-1]
        return location


def read_text(path: Path, what: str) -> str:
    """Read a file.

    Args:
        path: of the file.
        what: is in it, for the error.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"{what} in {path} cannot be read: {reason}.") from None


def parse(text: str) -> MarkedYaml:
    """Parse YAML.

    Raises:
        MarkedError: it is none, or a name is given twice.
    """
    marks: dict[Location, Mark] = {(): Mark(1, 1)}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = {} if node is None else _plain(node, (), marks, ())
    except yaml.MarkedYAMLError as error:
        found = error.problem_mark or error.context_mark
        raise MarkedError(str(error.problem or error.context), None if found is None else _mark(found)) from None
    except yaml.YAMLError as error:
        raise MarkedError(str(error).partition("\n")[0], None) from None
    except RecursionError:
        raise MarkedError("it is nested too deeply", None) from None
    return MarkedYaml(content, marks)


def parse_file(text: str, name: str) -> MarkedYaml:
    """Parse the YAML of a file.

    Args:
        text: of the file.
        name: what the error calls it, such as its path.

    Raises:
        ConfigError: it is no YAML, or a name is given twice; names the place.
    """
    try:
        return parse(text)
    except MarkedError as error:
        where = f"{name} is not YAML" if error.mark is None else f"{name}, {error.mark}"
        raise ConfigError(f"{where}: {error}.") from None


def _plain(node: yaml.Node, location: Location, marks: dict[Location, Mark], ancestors: tuple[int, ...]) -> Any:
    """Convert a node to plain values, and record the place of each value."""
    if id(node) in ancestors:
        raise yaml.MarkedYAMLError(problem="an alias that contains itself", problem_mark=node.start_mark)
    marks.setdefault(location, _mark(node.start_mark))
    if len(marks) > MOST_VALUES:
        raise yaml.MarkedYAMLError(problem=f"more than {MOST_VALUES:,} values", problem_mark=node.start_mark)
    ancestors = (*ancestors, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*location, index), marks, ancestors) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, location, marks, ancestors)
    return _scalar(node)


def _mapping(
    node: yaml.MappingNode, location: Location, marks: dict[Location, Mark], ancestors: tuple[int, ...]
) -> Any:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node)
        if key in mapping:
            raise yaml.MarkedYAMLError(problem=f"{key!r} is given twice", problem_mark=key_node.start_mark)
        marks[(*location, key)] = _mark(key_node.start_mark)
        mapping[key] = _plain(value_node, (*location, key), marks, ancestors)
    return mapping


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a name should be a single word", problem_mark=node.start_mark)
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except ValueError as error:
        raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None
    except (
        LookupError,
        AttributeError,
    ):  # what PyYAML raises for !!bool maybe and the like
        raise yaml.MarkedYAMLError(problem="a value that does not fit its tag", problem_mark=node.start_mark) from None
    finally:
        loader.dispose()


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)
