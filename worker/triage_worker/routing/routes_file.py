"""Reads ``routes.yaml``: errors name the line, and a changed file is loaded again."""

import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from triage_schemas.validation import first_error

from triage_worker.config import marked_yaml
from triage_worker.config.errors import ConfigError
from triage_worker.config.marked_yaml import MarkedError, MarkedYaml
from triage_worker.routing.routes import Routes, When

log = logging.getLogger(__name__)

DEFAULT_ROUTES = Path(__file__).parent / "routes.yaml"
"""The rules that ship with Triage, for a shop with the nine intents of the default bundle."""

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
    text = marked_yaml.read_text(path, "The rules")
    return parse(text, str(path))


def parse(text: str, name: str) -> Routes:
    """Parse the rules of a text.

    Args:
        text: YAML.
        name: what errors call the text, such as the file's path.

    Raises:
        ConfigError: the text is not valid; the message names the line.
    """
    try:
        found = marked_yaml.parse(text)
    except MarkedError as error:
        where = f"{name} is not YAML" if error.mark is None else f"{name}, line {error.mark.line}"
        raise ConfigError(f"{where}: {error}.") from None
    try:
        routes = Routes.model_validate(found.content)
    except ValidationError as error:
        raise ConfigError(_describe(error, found, name)) from None
    for index, problem in _rule_problems(routes):
        raise ConfigError(f"{name}, line {found.marks['rules', index].line}: {problem}.")
    for field in routes.helpdesk.fields:
        if field not in routes.field_names:
            line = found.marks["helpdesk", "fields", field].line
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


def _describe(error: ValidationError, found: MarkedYaml, name: str) -> str:
    """The first error as a sentence, with its line and its location in the file."""
    first = first_error(error)
    known = found.nearest(first.location)
    path = ".".join(map(str, first.location if first.kind == "missing" else known))
    return f"{name}, line {found.marks[known].line}: {path or 'the file'}: {PROBLEMS.get(first.kind, first.message)}."


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
