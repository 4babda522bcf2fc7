"""Calls to an OpenAI-compatible endpoint: one question, one answer, or why there is none.

CallError
├── Unavailable   the endpoint does not answer now; another call may succeed
│   └── NoCompletion   it answers with something else, such as a proxy's page or an error with status 200
└── Refused       the endpoint says that the request is bad; the same request stays bad
"""

import logging
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.resilience.retry_after import retry_after_s

log = logging.getLogger(__name__)

MAX_RESPONSE_BYTES = 1024 * 1024
MAX_ERROR_BYTES = 4_096
BAD_REQUEST = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
NOT_ALLOWED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
CHECK_TIMEOUT_S = 10.0
ELSEWHERE = "see whether TRIAGE_LLM_URL is its address up to /v1, and TRIAGE_LLM_MODEL a model there"


class CallError(Exception):
    """Why a call gave no answer; ``str()`` names it in a word or two, without anything that was sent."""


class Unavailable(CallError):  # noqa: N818 (said as a state)
    """The endpoint does not answer now.

    Attributes:
        retry_after_s: how long it asks to be left alone; None where it says nothing.
        charged: whether the call may cost money all the same.
    """

    def __init__(self, problem: str, *, retry_after_s: float | None = None, charged: bool = False) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s
        self.charged = charged


class NoCompletion(Unavailable):
    """A response with status 200 that is no completion at all. Whether it is billed cannot be told."""

    def __init__(self) -> None:
        super().__init__("no completion", charged=True)


class Refused(CallError):  # noqa: N818 (said as a state)
    """The endpoint says that the request is bad; ``said`` is the body of its response."""

    def __init__(self, problem: str, said: str) -> None:
        super().__init__(problem)
        self.said = said


class Reply(NamedTuple):
    """An answer, and the tokens that it is billed by, where the endpoint says."""

    content: str
    tokens_in: int | None
    tokens_out: int | None


class Client:
    """An endpoint; use it as an async context manager.

    Args:
        url: up to ``/v1``.
        key: sent as a bearer token, if given.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._session.close()

    async def check(self) -> None:
        """See whether the key is taken, at no cost. An endpoint that is away or cannot say passes.

        Raises:
            ConfigError: the key is refused.
        """
        timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
        try:
            async with self._session.get(f"{self._url}/models", timeout=timeout, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            return
        if status in NOT_ALLOWED:
            raise ConfigError(f"{self._url} refuses the key (status {status}): check TRIAGE_LLM_API_KEY.")

    async def ask(self, body: dict[str, Any], timeout_s: float) -> Reply:
        """Ask for one completion.

        Raises:
            Unavailable, Refused: there is none.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        headers = {"Content-Type": "application/json"}
        url = f"{self._url}/chat/completions"
        try:
            # Redirects are not followed: the key belongs to this endpoint and no other.
            async with self._session.post(
                url, data=orjson.dumps(body), headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if response.status == HTTPStatus.OK:
                    return _reply(await _read(response, MAX_RESPONSE_BYTES))
                said = await _read(response, MAX_ERROR_BYTES)
                raise _failure(response, said.decode(errors="replace"))
        except TimeoutError as error:
            raise Unavailable("timed out", charged=True) from error
        except aiohttp.ClientError as error:
            raise Unavailable(type(error).__name__, charged=isinstance(error, aiohttp.ClientPayloadError)) from error


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, cut off past the limit: a cut answer is an unusable one."""
    parts = bytearray()
    async for part in response.content.iter_any():
        parts += part
        if len(parts) >= limit:
            response.close()
            break
    return bytes(parts[:limit])


def _failure(response: aiohttp.ClientResponse, said: str) -> CallError:
    problem = f"status {response.status}"
    if response.status == HTTPStatus.NOT_FOUND or response.status in range(300, 400):
        problem += f": {ELSEWHERE}"
    # llama-cpp-python's server has status 500 for a response_format that it does not know, and names it.
    unknown = response.status == HTTPStatus.INTERNAL_SERVER_ERROR and "response_format" in said
    if response.status in BAD_REQUEST or unknown:
        return Refused(problem, said)
    return Unavailable(problem, retry_after_s=retry_after_s(response.headers.get("Retry-After")))


def _reply(body: bytes) -> Reply:
    """The answer in a body; one that is cut off or has no text is an empty one, which cannot be used.

    Raises:
        NoCompletion: the body is something else.
    """
    if len(body) >= MAX_RESPONSE_BYTES:
        return Reply("", None, None)
    try:
        document = orjson.loads(body)
    except ValueError:
        raise NoCompletion from None
    choice = _at(_at(document, "choices"), 0)
    message, usage = _at(choice, "message"), _at(document, "usage")
    if not isinstance(message, dict):
        raise NoCompletion
    if _at(choice, "finish_reason") == "length":
        log.warning("An answer of the LLM was cut off: raise TRIAGE_LLM_MAX_TOKENS, which its thoughts count towards")
    return Reply(
        _text(message.get("content")),
        _count(_at(usage, "prompt_tokens")),
        _count(_at(usage, "completion_tokens")),
    )


def _text(content: Any) -> str:
    """The text of an answer; some models give it as a list of parts, their thoughts among them."""
    if isinstance(content, list):
        content = "".join(text for part in content if isinstance(text := _at(part, "text"), str))
    return content if isinstance(content, str) else ""


def _at(document: Any, name: str | int) -> Any:
    try:
        return document[name]
    except (TypeError, KeyError, IndexError):
        return None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
