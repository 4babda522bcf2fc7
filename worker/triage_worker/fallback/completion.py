"""A completion, read from the body of a response whatever form the endpoint gives it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import NotACompletionError, RejectedError
from triage_worker.fallback.refusals import is_transient

REASONING = ("reasoning_content", "reasoning", "thinking")
"""Fields that hold the thoughts of a model, and with some servers its answer."""

THOUGHTS = ("thinking", "reasoning", "thought")
"""Beginnings of the types of parts that are no part of the answer."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion, and the tokens that it is billed by.

    Attributes:
        content: the text of the answer.
        input_tokens: of the prompt; None where the endpoint reports none.
        output_tokens: of the answer, thoughts included; None where the endpoint reports none.
        arguments: the arguments of the functions that the model called instead of answering.
        reasoning: the thoughts of the model, where they are apart from its answer.
        refusal: whether the model says that it will not answer.
        finish_reason: why the answer ends, such as "stop", "length" or "content_filter".
        has_choice: whether there was any answer.
    """

    content: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    arguments: tuple[str, ...] = ()
    reasoning: str = ""
    refusal: bool = False
    finish_reason: str | None = None
    has_choice: bool = True


def parse_completion(body: bytes, content_type: str) -> Completion:
    """Parse the body of a response with status 200.

    Raises:
        RejectedError: the body is an error of the kind that is not the endpoint's load or outage.
        NotACompletionError: the body is no completion.
    """
    try:
        document = orjson.loads(body)
    except ValueError:
        said = ErrorBody.parse(body.decode(errors="replace"))
        raise NotACompletionError(content_type, said) from None
    choices, usage = _at(document, "choices"), _at(document, "usage")
    tokens = (_count(_at(usage, "prompt_tokens")), _count(_at(usage, "completion_tokens")))
    choice = _at(choices, 0)
    message = _at(choice, "message")
    error = _at(document, "error") or _at(choice, "error")
    if error and not (isinstance(message, dict) and message.get("content")):
        raise _error(error)
    if isinstance(message, dict):
        return _of_message(message, _at(choice, "finish_reason"), tokens)
    said = ErrorBody.parse(body.decode())
    if choices == [] or (choices is None and isinstance(document, dict) and "choices" in document):
        if said.words:
            raise _error(document)
        return Completion("", *tokens, has_choice=False)
    raise NotACompletionError("JSON of another form", said)


def _of_message(message: dict[str, Any], finish: Any, tokens: tuple[int | None, int | None]) -> Completion:
    calls = message.get("tool_calls")
    functions = [_at(call, "function") for call in calls] if isinstance(calls, list) else []
    functions.append(message.get("function_call"))
    arguments = [_text(_at(function, "arguments")) for function in functions]
    thoughts = next((text for name in REASONING if (text := _text(message.get(name), thoughts=True))), "")
    refusal = message.get("refusal")
    return Completion(
        _text(message.get("content")),
        *tokens,
        arguments=tuple(filter(None, arguments)),
        reasoning=thoughts or _text(message.get("reasoning_details"), thoughts=True),
        refusal=isinstance(refusal, str) and bool(refusal.strip()),
        finish_reason=finish if isinstance(finish, str) else None,
    )


def _error(error: Any) -> RejectedError | NotACompletionError:
    """An error with status 200. Its body may say that it is a passing one."""
    body = ErrorBody.parse(orjson.dumps({"error": error}).decode())
    if body.status is not None and is_transient(body.status, body):
        return NotACompletionError(f"error {body.status}", body)
    return RejectedError("an error with status 200", body, status=body.status or HTTPStatus.OK)


def _text(content: Any, *, thoughts: bool = False) -> str:
    """The text of an answer. Some models send a list of parts, which include their thoughts, or the JSON itself."""
    if isinstance(content, dict):
        return orjson.dumps(content).decode()
    if isinstance(content, list):
        if all(isinstance(part, str) for part in content):
            return "".join(content)
        parts = [_at(part, "text") for part in content if thoughts or not str(_at(part, "type")).startswith(THOUGHTS)]
        content = "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _at(document: Any, name: str | int) -> Any:
    try:
        return document[name]
    except (TypeError, KeyError, IndexError):
        return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
