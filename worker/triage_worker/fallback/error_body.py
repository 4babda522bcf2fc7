"""Reads what an endpoint says when it refuses a call: JSON of several forms, a page of HTML, or plain text."""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import orjson

MOST_CHARACTERS = 300
SHORTEST_SECRET = 6
"""The fewest characters of a secret in a row that are masked. A shorter key, such as "none", is no secret."""

MESSAGES = (
    *("message", "msg", "detail", "details", "error_description", "title", "reason", "errors", "error"),
    *("fault", "faultstring", "error_message", "error_msg", "errmsg", "status_msg", "base_resp", "response"),
)
CODES = ("code", "type", "status", "__type")
DEEPEST = 16
"""How deep in other objects and lists a message may be."""

NOTHING = {"", "none", "null", "undefined"}
"""What gateways write where there is no parameter, and no code."""

IDENTIFIER = re.compile(r"[\w.:/-]{1,64}")
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
HIDDEN = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
TOKEN = re.compile(r"\b(?:(?:sk|pk|rk|gsk|xai|nvapi|hf)[-_][\w.*-]{6,}|AIza[\w-]{6,}|eyJ[\w.-]{6,})")
"""What looks like a key or a token of a provider, also one that the provider has masked in part."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What the body of an error says.

    Attributes:
        words: its message, on one line and short.
        parameters: the names of parameters that it gives in fields of their own.
        code: its code or type; empty if it has none.
        status: a status that stands in the body; None if there is none.
    """

    words: str = ""
    parameters: tuple[str, ...] = ()
    code: str = ""
    status: int | None = None

    @classmethod
    def parse(cls, body: str) -> Self:
        """Parse a body."""
        try:
            document = orjson.loads(body)
        except ValueError:
            return cls(_one_line(_text_of_page(body)))
        if isinstance(document, list) and document:
            document = document[0]  # Google's gateways wrap the error in a list
        document = _with_plain_names(document)
        error = document.get("error") if isinstance(document, dict) else None
        error = error if error and not isinstance(error, bool | int) else document
        words = _one_line(_words(error) or _words(document))
        if not isinstance(error, dict):
            return cls(words, tuple(_parameters(document)), status=_status(document))
        return cls(
            words,
            tuple(_parameters(error)),
            _code(error),
            _status(error),
        )

    def without(self, secrets: Iterable[str]) -> Self:
        """The same with parts of secrets masked, and whatever else looks like a key."""
        words, code = TOKEN.sub("***", self.words), self.code
        for secret in secrets:
            words, code = _masked(words, secret), _masked(code, secret)
        return type(self)(words, self.parameters, code, self.status)


def _with_plain_names(document: Any, depth: int = DEEPEST) -> Any:
    """The document with names in lower case: ``Message`` and ``Error`` of some clouds are those of others.

    What is nested too deeply is left out, so that no body can exhaust the stack.
    """
    if not isinstance(document, list | dict):
        return document
    if not depth:
        return None
    if isinstance(document, list):
        return [_with_plain_names(one, depth - 1) for one in document]
    return {name.lower(): _with_plain_names(value, depth - 1) for name, value in document.items()}


def _words(error: Any) -> str:
    """The message of an error; of a list of errors, all messages."""
    if isinstance(error, list):
        return "; ".join(filter(None, map(_words, error)))
    if not isinstance(error, dict):
        return _inner(error) if isinstance(error, str) else ""
    message = next((found for name in MESSAGES if (found := _words(error.get(name)))), "")
    place = ".".join(map(str, error["loc"])) if isinstance(error.get("loc"), list) else ""
    return f"{place}: {message}" if place else message


def _inner(message: str) -> str:
    """A message; that of the error within it, where a gateway hands on the error of another as text."""
    if not message.lstrip().startswith(("{", "[")):
        return message
    try:
        inner = orjson.loads(message)
    except ValueError:
        return message
    return _words(_with_plain_names(inner)) or message


def _parameters(error: Any) -> Iterator[str]:
    if isinstance(error, list):
        for one in error:
            yield from _parameters(one)
    elif isinstance(error, dict):
        if isinstance(error.get("param"), str) and error["param"].lower() not in NOTHING:
            yield error["param"]
        if isinstance(error.get("loc"), list):
            yield ".".join(map(str, error["loc"]))
        for name in ("detail", "details", "errors"):
            yield from _parameters(error.get(name))


def _code(error: dict[str, Any]) -> str:
    """The error's code or type, if it is a name: anything longer might repeat what was sent."""
    for name in CODES:
        value = error.get(name)
        if (
            isinstance(value, str)
            and not value.isdigit()
            and value.lower() not in NOTHING
            and IDENTIFIER.fullmatch(value)
        ):
            return value
    return ""


def _status(error: Any) -> int | None:
    if not isinstance(error, dict):
        return None
    for name in ("code", "status", "status_code", "statuscode"):
        value = error.get(name)
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 300 <= value < 600:
            return value
    return None


def _text_of_page(body: str) -> str:
    """The title of an HTML page, or its text; anything else as it is."""
    if "<" not in body:
        return body
    title = TITLE.search(body)
    return html.unescape(HIDDEN.sub(" ", body if title is None or not title[1].strip() else title[1]))


def _one_line(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def _masked(text: str, secret: str) -> str:
    """Mask every run of characters that a text has in common with a secret."""
    at = 0
    while at + SHORTEST_SECRET <= len(text):
        length = SHORTEST_SECRET
        if text[at : at + length] not in secret:
            at += 1
            continue
        while at + length < len(text) and text[at : at + length + 1] in secret:
            length += 1
        text = f"{text[:at]}***{text[at + length :]}"
        at += 3
    return text
