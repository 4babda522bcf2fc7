"""What a schema registry answers, and whether that is an answer."""

from typing import Any, NamedTuple

import orjson

NOT_FOUND = {40401, 40402, 40403, 40408}
"""Confluent's codes for a subject, a version, a schema or a subject's compatibility that does not exist."""

NOT_NOW = {301, 302, 307, 308, 408, 429}
"""Statuses that are no answer of the registry, or only that it has no time."""


class Answer(NamedTuple):
    """What the registry said: the status, and the body."""

    status: int
    content: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The body's JSON object; empty if it is none."""
        try:
            found = orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def names_what_is_missing(self) -> bool:
        """Whether a 404 is the registry's, about what was asked for, and not that of a proxy or a wrong address."""
        error = self.fields
        return error.get("error_code") in NOT_FOUND or str(error.get("name", "")).endswith("NotFoundException")


def is_usable(answer: Answer) -> str | None:
    """Why an answer to a request is none; None if it is one, also one that refuses."""
    if answer.status == 404 and not answer.names_what_is_missing:
        return "it answers 404: check TRIAGE_SCHEMA_REGISTRY_URL"
    return f"it answers {answer.status}" if answer.status >= 500 or answer.status in NOT_NOW else None
