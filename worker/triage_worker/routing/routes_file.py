"""``routes.yaml``: read with the line of whatever is wrong with it, and read again when it changes."""

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

SHIPPED = Path(__file__).parent / "routes.yaml"
Where = tuple[Hashable, ...]
PROBLEMS = {
    "extra_forbidden": "not known here",
    "missing": "is missing",
    "tuple_type": "should be a list",
    "model_type": "should be names with values",
    "dict_type": "should be names with values",
    "string_type": "should be a word (numbers and yes/no need quotes)",
}
"""What the rules' checker says in its own terms, in the reader's."""


def load(path: Path) -> Routes:
    """The rules of a file.

    Raises:
        ConfigError: it cannot be read, or says something that is no rule; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"The rules in {path} cannot be read: {reason}.") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Routes:
    """The rules of a text; ``name`` is what errors call it.

    Raises:
        ConfigError: as `load`.
    """
    lines: dict[Where, int] = {(): 1}
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
        raise ConfigError(_sentence(error, lines, name)) from None
    for index, problem in _useless(routes):
        raise ConfigError(f"{name}, line {lines['rules', index]}: {problem}.")
    return routes


def _useless(routes: Routes) -> Iterator[tuple[int, str]]:
    """Rules that can be told neither by their name nor by what they do, by their place in the list."""
    seen: set[str] = set()
    for index, rule in enumerate(routes.rules):
        if rule.name in seen:
            yield index, f"another rule is called {rule.name!r}, too"
        seen.add(rule.name)
        if index and routes.rules[index - 1].when == When():
            yield index, f"{rule.name!r} can never fire, since the rule before it has no conditions"


def _plain(node: yaml.Node, where: Where, lines: dict[Where, int], inside: tuple[int, ...]) -> Any:
    """What a node means; notes the line of everything in it."""
    if id(node) in inside:
        raise yaml.MarkedYAMLError(problem="an alias that contains itself", problem_mark=node.start_mark)
    lines.setdefault(where, node.start_mark.line + 1)
    inside = (*inside, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*where, index), lines, inside) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, lines, inside)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, where: Where, lines: dict[Where, int], inside: tuple[int, ...]) -> Any:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node)
        if key in mapping:
            raise yaml.MarkedYAMLError(problem=f"{key!r} is given twice", problem_mark=key_node.start_mark)
        lines[(*where, key)] = key_node.start_mark.line + 1
        mapping[key] = _plain(value_node, (*where, key), lines, inside)
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


def _sentence(error: ValidationError, lines: dict[Where, int], name: str) -> str:
    """The first thing wrong, with its line and its place in the file."""
    first = first_error(error)
    where: Where = first.location
    known = where
    while known not in lines:
        known = known[:-1]
    place = ".".join(str(part) for part in (where if first.kind == "missing" else known))
    problem = PROBLEMS.get(first.kind, first.message)
    return f"{name}, line {lines[known]}: {place or 'the file'}: {problem}."


class RoutesFile:
    """The rules in force. A file that is changed for the worse leaves them as they were."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self.routes = load(path)
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Read the file again if it has changed; whether there are new rules. Never raises."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.routes = load(self._path)
        except ConfigError as error:
            self.problem = str(error)
            log.error("The new rules are not used", extra={"problem": self.problem})  # noqa: TRY400 (no traceback)
            return False
        self.problem = None
        log.info("New rules", extra={"path": str(self._path), "rules": len(self.routes.rules)})
        return True


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes with the file. Follows links: a Kubernetes ConfigMap is changed by moving one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
