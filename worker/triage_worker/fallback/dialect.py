"""How an endpoint wants to be asked. Servers differ in what they know of constrained answers, and say so by refusing.

The strictest way is tried first. Once an answer in one way could be used, that way is kept; a server that keeps
refusing it is tried from the beginning, since it is another one by then.
"""

from dataclasses import dataclass
from typing import Any, Literal

from triage_worker.fallback.prompt import Message

Format = Literal["json_schema", "json_object_with_schema", "json_object", "text"]
FORMATS: tuple[Format, ...] = ("json_schema", "json_object_with_schema", "json_object", "text")

MISSES = 2
"""Unusable answers after which a way that never gave a usable one counts as not understood."""

REFUSALS = 3
"""Refusals in a row, over several messages, after which a way that was known to work no longer counts as that."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's body, and the way that it asks in."""

    format: Format
    body: dict[str, Any]


class Dialect:
    """What has been learned about one endpoint.

    Args:
        model: the model's name there.
        max_tokens: of an answer.
    """

    def __init__(self, model: str, max_tokens: int) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._limit_name = "max_tokens"
        self._temperature = True
        self._misses = 0
        self._refusals = 0
        self.format: Format = FORMATS[0]
        self.known = False

    def ask(self, turns: list[Message], schema: dict[str, Any]) -> Asked:
        """The request for one question."""
        body: dict[str, Any] = {"model": self._model, "messages": turns, self._limit_name: self._max_tokens}
        if self._temperature:
            body["temperature"] = 0
        if self.format != "text":
            body["response_format"] = _response_format(self.format, schema)
        return Asked(self.format, body)

    def understood(self, asked: Asked) -> None:
        """The answer could be used."""
        self.format = asked.format
        self.known = True
        self._misses = self._refusals = 0

    def refused(self, asked: Asked, said: str) -> bool:
        """The server refused a request as bad; whether to ask again, in the way that is tried next.

        Args:
            asked: the request.
            said: the body of the response.
        """
        if self._drop_parameter(asked, said):
            return True
        if asked.format != self.format:
            return True  # meanwhile another message has found out
        if not self.known:
            return self._try_next()
        self._refusals += 1
        if self._refusals >= REFUSALS:
            self._begin_again()
        return False

    def missed(self, asked: Asked) -> bool:
        """The answer could not be used; whether to ask again, since this way of asking may not be understood."""
        if self.known:
            return False
        if asked.format != self.format:
            return True
        self._misses += 1
        return self._misses < MISSES or self._try_next()

    def _drop_parameter(self, asked: Asked, said: str) -> bool:
        """Newer models refuse ``max_tokens`` in favour of another name, and any temperature."""
        if "max_completion_tokens" in said and "max_tokens" in asked.body:
            self._limit_name = "max_completion_tokens"
            return True
        if "temperature" in said and "temperature" in asked.body:
            self._temperature = False
            return True
        return False

    def _try_next(self) -> bool:
        self._misses = 0
        following = FORMATS.index(self.format) + 1
        if following == len(FORMATS):
            self._begin_again()
            return False
        self.format = FORMATS[following]
        return True

    def _begin_again(self) -> None:
        self.format = FORMATS[0]
        self.known = False
        self._misses = self._refusals = 0


def _response_format(name: Format, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    if name == "json_object_with_schema":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_object"}
