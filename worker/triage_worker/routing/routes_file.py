"""Reads ``routes.yaml``: errors name the line, and a changed file is loaded again."""

import logging
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError
from triage_worker.routing.routes import Routes, When

log = logging.getLogger(__name__)

DEFAULT_ROUTES = Path(__file__).parent / "routes.yaml"
"""The rules that ship with Triage, for a shop with the nine intents of the default bundle."""

Location = tuple[Hashable, ...]
PROBLEMS = {
    "extra_forbidden": "not known here",
    "missing": "is missing",
    "tuple_type": "should be a list",
    "model_type": "should be a mapping of names to values",
    "dict_type": "should be a mapping of names to values",
    "string_type": "should be a word (numbers and yes/no need quotes)",
}
"""Sentences for pydantic's errors, by their type, for readers who do not know pydantic."""


def load(path: Path) -> Routes:
    """Load the rules of a file.

    Raises:
        ConfigError: the file cannot be read or is not valid; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"The rules in {path} cannot be read: {reason}.") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Routes:
    """Parse the rules of a text.

    Args:
        text: YAML.
        name: what errors call the text, such as the file's path.

    Raises:
        ConfigError: the text is not valid; the message names the line.
    """
    lines: dict[Location, int] = {(): 1}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = {} if node is None else _plain(node, (), lines, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{name}, line {line}: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {error}.") from None
    try:
        routes = Routes.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_describe(error, lines, name)) from None
    for index, problem in _rule_problems(routes):
        raise ConfigError(f"{name}, line {lines['rules', index]}: {problem}.")
    for field in routes.helpdesk.fields:
        if field not in routes.field_names:
            line = lines["helpdesk", "fields", field]
            raise ConfigError(f"{name}, line {line}: helpdesk.fields.{field}: neither a rule nor the defaults set it.")
    return routes


def _rule_problems(routes: Routes) -> Iterator[tuple[int, str]]:
    """Yield duplicate names and rules that can never fire, with the index of the rule."""
    seen: set[str] = set()
    for index, rule in enumerate(routes.rules):
        if rule.name in seen:
            yield index, f"another rule has the name {rule.name!r} too"
        seen.add(rule.name)
        if index and routes.rules[index - 1].when == When():
            yield index, f"{rule.name!r} can never fire, since the rule before it has no conditions"


def _plain(node: yaml.Node, location: Location, lines: dict[Location, int], ancestors: tuple[int, ...]) -> Any:
    """Convert a node to plain values, and record the line of each value."""
    if id(node) in ancestors:
        raise yaml.MarkedYAMLError(problem="an alias that contains itself", problem_mark=node.start_mark)
    lines.setdefault(location, node.start_mark.line + 1)
    ancestors = (*ancestors, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*location, index), lines, ancestors) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, location, lines, ancestors)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, location: Location, lines: dict[Location, int], ancestors: tuple[int, ...]) -> Any:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node)
        if key in mapping:
            raise yaml.MarkedYAMLError(problem=f"{key!r} is given twice", problem_mark=key_node.start_mark)
        lines[(*location, key)] = key_node.start_mark.line + 1
        mapping[key] = _plain(value_node, (*location, key), lines, ancestors)
    return mapping


def _scalar(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a name should be a single word", problem_mark=node.start_mark)
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except ValueError as error:
        raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None
    finally:
        loader.dispose()


def _describe(error: ValidationError, lines: dict[Location, int], name: str) -> str:
    """The first error as a sentence, with its line and its location in the file."""
    first = first_error(error)
    known: Location = first.location
    while known not in lines:
        known = known[:-1]
    path = ".".join(map(str, first.location if first.kind == "missing" else known))
    return f"{name}, line {lines[known]}: {path or 'the file'}: {PROBLEMS.get(first.kind, first.message)}."


class RoutesFile:
    """The rules in force. If the file changes and is not valid, the last valid rules stay in force.

    Args:
        path: the file.

    Attributes:
        routes: the rules in force.
        problem: why the file's current content is not used; None if it is.

    Raises:
        ConfigError: the file cannot be read or is not valid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self.routes = load(path)
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Load the file again if it has changed. Returns whether the rules are new, and never raises."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.routes = load(self._path)
        except ConfigError as error:
            self.problem = str(error)
            log.error("The rules file is not valid, so the last rules stay in force", extra={"problem": self.problem})  # noqa: TRY400 (no traceback)
            return False
        self.problem = None
        log.info("New rules are in force", extra={"path": str(self._path), "rules": len(self.routes.rules)})
        return True


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Modification time, size and inode. Links are followed, since Kubernetes updates a ConfigMap by moving a link."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
