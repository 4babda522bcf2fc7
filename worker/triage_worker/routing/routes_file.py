"""Reads ``routes.yaml``: errors name the line, and a changed file is loaded again."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
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

SHOWN_DIGITS = 12
"""Digits of a digest that name rules in metrics and on pages."""

PROBLEMS = {
    "extra_forbidden": "not known here",
    "missing": "is missing",
    "tuple_type": "should be a list",
    "model_type": "should be a mapping of names to values",
    "dict_type": "should be a mapping of names to values",
    "string_type": "should be a word (numbers and yes/no need quotes)",
}
"""Sentences for pydantic's errors, by their type, for readers who do not know pydantic."""


class RulesError(ConfigError):
    """The text of rules is not valid; ``line`` is where, from 1, and None where that is not known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class RulesText:
    """The text of a file of rules; ``digest`` is the SHA-256 of its bytes, by which a change is noticed."""

    text: str
    digest: str


def read(path: Path) -> RulesText:
    """Read a file of rules.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
        return RulesText(unified(content.decode("utf-8")), hashlib.sha256(content).hexdigest())
    except UnicodeDecodeError:
        raise ConfigError(f"The rules in {path} cannot be read: it is not UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"The rules in {path} cannot be read: {error.strerror}.") from None


def unified(text: str) -> str:
    """Return a text with line feeds only: forms of browsers send carriage returns as well."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load(path: Path) -> Routes:
    """Load the rules of a file.

    Raises:
        ConfigError: the file cannot be read or is not valid; the message names the line.
    """
    return parse(read(path).text, str(path))


def parse(text: str, name: str) -> Routes:
    """Parse the rules of a text.

    Args:
        text: YAML.
        name: what errors call the text, such as the file's path.

    Raises:
        RulesError: the text is not valid; the message names the line.
    """
    try:
        found = marked_yaml.parse(text)
    except MarkedError as error:
        if error.mark is None:
            raise RulesError(f"{name} is not YAML: {error}.", None) from None
        raise _error(name, error.mark.line, str(error)) from None
    try:
        routes = Routes.model_validate(found.content)
    except ValidationError as error:
        raise _described(error, found, name) from None
    for index, problem in _rule_problems(routes):
        raise _error(name, found.marks["rules", index].line, problem)
    for field in routes.helpdesk.fields:
        if field not in routes.field_names:
            line = found.marks["helpdesk", "fields", field].line
            raise _error(name, line, f"helpdesk.fields.{field}: neither a rule nor the defaults set it")
    return routes


def _error(name: str, line: int, problem: str) -> RulesError:
    return RulesError(f"{name}, line {line}: {problem}.", line)


def _rule_problems(routes: Routes) -> Iterator[tuple[int, str]]:
    """Yield duplicate names and rules that can never fire, with the index of the rule."""
    seen: set[str] = set()
    for index, rule in enumerate(routes.rules):
        if rule.name in seen:
            yield index, f"another rule has the name {rule.name!r} too"
        seen.add(rule.name)
        if index and routes.rules[index - 1].when == When():
            yield index, f"{rule.name!r} can never fire, since the rule before it has no conditions"


def _described(error: ValidationError, found: MarkedYaml, name: str) -> RulesError:
    """The first error as a sentence, with its line and its location in the file."""
    first = first_error(error)
    known = found.nearest(first.location)
    path = ".".join(map(str, first.location if first.kind == "missing" else known))
    return _error(name, found.marks[known].line, f"{path or 'the file'}: {PROBLEMS.get(first.kind, first.message)}")


class RoutesFile:
    """The rules in force. If the file changes and is not valid, the last valid rules stay in force.

    Args:
        path: the file.

    Attributes:
        routes: the rules in force.
        digest: of the text that they are from; see `RulesText`.
        problem: why the file's current content is not used; None if it is.

    Raises:
        ConfigError: the file cannot be read or is not valid.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self.routes, self.digest = _loaded(path)
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Load the file again if it has changed. Returns whether the rules are new, and never raises."""
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.routes, self.digest = _loaded(self._path)
        except ConfigError as error:
            self.problem = str(error)
            log.error("The rules file is not valid, so the last rules stay in force", extra={"problem": self.problem})  # noqa: TRY400 (no traceback)
            return False
        self.problem = None
        log.info("New rules are in force", extra={"path": str(self._path), "rules": len(self.routes.rules)})
        return True


def _loaded(path: Path) -> tuple[Routes, str]:
    found = read(path)
    return parse(found.text, str(path)), found.digest


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Modification time, size and inode. Links are followed, since Kubernetes updates a ConfigMap by moving a link."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
