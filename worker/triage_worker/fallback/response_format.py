"""Finds out how an endpoint constrains answers. Servers support different response formats and reject the others.

The strictest format is tried first. Once a format has produced a usable answer it is confirmed and used from then on. A
server that keeps rejecting the confirmed format was probably replaced, so the search starts again.
"""

from dataclasses import dataclass
from typing import Any, Literal

from triage_worker.fallback.prompt import Message

Format = Literal["json_schema", "json_object_with_schema", "json_object", "text"]
FORMATS: tuple[Format, ...] = ("json_schema", "json_object_with_schema", "json_object", "text")

UNUSABLE_LIMIT = 2
"""Unusable answers after which a format that never produced a usable one counts as not supported."""

REJECTION_LIMIT = 3
"""Rejections in a row, over several messages, after which a confirmed format is no longer confirmed."""


@dataclass(frozen=True, slots=True)
class FormattedRequest:
    """The body of a request, and the response format that it asks for."""

    format: Format
    body: dict[str, Any]


class FormatNegotiator:
    """Builds requests in the strictest response format that an endpoint supports, and learns from its responses.

    Args:
        model: the model's name at the endpoint.
        max_tokens: the longest answer, in tokens.

    Attributes:
        format: the format of the next request.
        confirmed: whether that format has produced a usable answer.
    """

    def __init__(self, model: str, max_tokens: int) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._limit_name = "max_tokens"
        self._with_temperature = True
        self._unusable = 0
        self._rejections = 0
        self.format: Format = FORMATS[0]
        self.confirmed = False

    def request(self, messages: list[Message], schema: dict[str, Any]) -> FormattedRequest:
        """Build the request for one question."""
        body: dict[str, Any] = {"model": self._model, "messages": messages, self._limit_name: self._max_tokens}
        if self._with_temperature:
            body["temperature"] = 0
        if self.format != "text":
            body["response_format"] = _response_format(self.format, schema)
        return FormattedRequest(self.format, body)

    def record_usable(self, request: FormattedRequest) -> None:
        """Record that the answer to a request could be used."""
        self.format = request.format
        self.confirmed = True
        self._unusable = self._rejections = 0

    def record_rejection(self, request: FormattedRequest, response_body: str) -> bool:
        """Record that the server rejected a request as bad.

        Args:
            request: the request.
            response_body: the body of the server's response.

        Returns:
            Whether to ask the same question again, in the format that comes next.
        """
        if self._drop_parameter(request, response_body):
            return True
        if request.format != self.format:
            return True  # another message has moved on to the next format in the meantime
        if not self.confirmed:
            return self._try_next_format()
        self._rejections += 1
        if self._rejections >= REJECTION_LIMIT:
            self._start_again()
        return False

    def record_unusable(self, request: FormattedRequest) -> bool:
        """Record that the answer could not be used.

        Returns:
            Whether to ask again, because the format may not be supported.
        """
        if self.confirmed:
            return False
        if request.format != self.format:
            return True
        self._unusable += 1
        return self._unusable < UNUSABLE_LIMIT or self._try_next_format()

    def _drop_parameter(self, request: FormattedRequest, response_body: str) -> bool:
        """Drop a parameter that newer models reject: ``max_tokens``, which they have renamed, or any temperature."""
        if "max_completion_tokens" in response_body and "max_tokens" in request.body:
            self._limit_name = "max_completion_tokens"
            return True
        if "temperature" in response_body and "temperature" in request.body:
            self._with_temperature = False
            return True
        return False

    def _try_next_format(self) -> bool:
        self._unusable = 0
        following = FORMATS.index(self.format) + 1
        if following == len(FORMATS):
            self._start_again()
            return False
        self.format = FORMATS[following]
        return True

    def _start_again(self) -> None:
        self.format = FORMATS[0]
        self.confirmed = False
        self._unusable = self._rejections = 0


def _response_format(name: Format, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    if name == "json_object_with_schema":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_object"}
