"""The topics that a service reads: names, and patterns by which topics are found. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator

PATTERN_BEGINS = "^"
NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
INTERNAL = "__"
"""How Kafka's own topics begin."""


def topic_name(value: str) -> str:
    """Check the name of a topic, and return it.

    Raises:
        ValueError: Kafka takes no such name.
    """
    if not NAME.fullmatch(value):
        hint = f"; a pattern begins with {PATTERN_BEGINS}" if re.search(r"[*+?|(\[]", value) else ""
        raise ValueError(f"{value!r} should be letters, digits, '.', '_' and '-'{hint}")
    return value


@cache
def compiled(pattern: str) -> Any:
    """Compile a pattern, which runs on RE2: in time that grows with the name alone, whatever the pattern.

    Raises:
        ValueError: RE2 does not take it.
    """
    import re2  # noqa: PLC0415 (only where a pattern is set)

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0]
        reason = said.decode() if isinstance(said, bytes) else said
        raise ValueError(f"{pattern!r} is not a regular expression (RE2): {reason}") from None


def topic_pattern(value: str) -> str:
    """Check a regular expression of topics, and return it.

    Raises:
        ValueError: it does not begin with ``^``, or RE2 does not take it.
    """
    if not value.startswith(PATTERN_BEGINS):
        raise ValueError(f"{value!r} should begin with {PATTERN_BEGINS}, as in {PATTERN_BEGINS}shop\\..*")
    compiled(value)
    return value


def matches(pattern: str, topic: str) -> bool:
    """Whether a pattern matches the whole name of a topic, as in Kafka's own tools."""
    return compiled(pattern).fullmatch(topic) is not None


@dataclass(frozen=True, slots=True)
class TopicSelection:
    """Which topics are read.

    Attributes:
        names: topics that are read in any case.
        patterns: regular expressions; topics that match one are read, also those that are created later.
        excluded: topics that no pattern finds, such as those that are written.
        excluded_prefixes: how topics begin that no pattern finds.
    """

    names: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    excluded_prefixes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: str) -> Self:
        """Parse a setting: names separated by commas, or one pattern.

        Raises:
            ValueError: it is neither; says what is wrong.
        """
        value = value.strip()
        if value.startswith(PATTERN_BEGINS):
            return cls((), (topic_pattern(value),))
        names = [topic_name(name) for part in value.split(",") if (name := part.strip())]
        if not names:
            raise ValueError(f"{value!r} should be topics separated by commas, or a pattern that begins with ^")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is given twice")
        return cls(tuple(names))

    def of(self, existing: Iterable[str]) -> frozenset[str]:
        """Return the topics to read: all that are named, and of those that exist, all that match."""
        return frozenset(self.names) | self.found(existing)

    def found(self, existing: Iterable[str]) -> frozenset[str]:
        """Return those topics that match a pattern."""
        return frozenset(topic for topic in existing if self.matches(topic)) if self.patterns else frozenset()

    def matches(self, topic: str) -> bool:
        """Whether a topic matches a pattern, and may be found by one."""
        if topic in self.excluded or topic.startswith((INTERNAL, *self.excluded_prefixes)):
            return False
        return any(matches(pattern, topic) for pattern in self.patterns)

    def __str__(self) -> str:
        """Return the names and patterns, separated by commas."""
        return ", ".join((*self.names, *self.patterns))


def _input_topics(value: str) -> str:
    parsed = TopicSelection.parse(value)
    return ",".join(parsed.names or parsed.patterns)


InputTopics = Annotated[str, AfterValidator(_input_topics)]
"""Names separated by commas, or a pattern: what `TopicSelection.parse` takes."""
