"""An HTTP client of an OpenAI-compatible endpoint: one request, one completion or an error.

CallError
├── UnavailableError   the endpoint does not answer at present; another call may succeed
│   └── NotACompletionError   its response is something else, such as a proxy's page or an error with status 200
└── RejectedError      the endpoint says that the request is bad; the same request stays bad
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
WRONG_ADDRESS = "check that TRIAGE_LLM_URL is the endpoint's address up to /v1, and TRIAGE_LLM_MODEL a model there"


class CallError(Exception):
    """A call gave no completion. ``str()`` names the problem in a few words, without anything that was sent."""


class UnavailableError(CallError):
    """The endpoint does not answer at present.

    Attributes:
        retry_after_s: how long the endpoint asks to be left alone, in seconds; None if it does not say.
        may_be_billed: whether the call may cost money all the same.
    """

    def __init__(self, problem: str, *, retry_after_s: float | None = None, may_be_billed: bool = False) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed


class NotACompletionError(UnavailableError):
    """A response with status 200 is no completion. Nothing says whether the call is billed."""

    def __init__(self) -> None:
        super().__init__("no completion", may_be_billed=True)


class RejectedError(CallError):
    """The endpoint says that the request is bad.

    Attributes:
        response_body: the body of its response.
    """

    def __init__(self, problem: str, response_body: str) -> None:
        super().__init__(problem)
        self.response_body = response_body


class Completion(NamedTuple):
    """The text of a completion, and the tokens that it is billed by; None where the endpoint reports none."""

    content: str
    input_tokens: int | None
    output_tokens: int | None


class LlmClient:
    """A client of one endpoint. Use it as an async context manager.

    Args:
        url: the endpoint's address, up to ``/v1``.
        key: sent as a bearer token; None sends none.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self._session.close()

    async def check_key(self) -> None:
        """Check at no cost that the endpoint accepts the key. An endpoint that does not answer passes.

        Raises:
            ConfigError: the endpoint rejects the key.
        """
        timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
        try:
            async with self._session.get(f"{self._url}/models", timeout=timeout, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            return
        if status in NOT_ALLOWED:
            raise ConfigError(f"{self._url} rejects the key (status {status}): check TRIAGE_LLM_API_KEY.")

    async def complete(self, body: dict[str, Any], timeout_s: float) -> Completion:
        """Request one completion.

        Args:
            body: the request.
            timeout_s: the longest time for it, in seconds.

        Raises:
            UnavailableError: the endpoint does not answer, or not with a completion.
            RejectedError: the endpoint says that the request is bad.
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
                    return _completion(await _read(response, MAX_RESPONSE_BYTES))
                response_body = await _read(response, MAX_ERROR_BYTES)
                raise _failure(response, response_body.decode(errors="replace"))
        except TimeoutError as error:
            raise UnavailableError("timed out", may_be_billed=True) from error
        except aiohttp.ClientError as error:
            # A body that breaks off was produced, and so may be billed.
            billed = isinstance(error, aiohttp.ClientPayloadError)
            raise UnavailableError(type(error).__name__, may_be_billed=billed) from error


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body up to a limit, in bytes; the rest is dropped, since a longer answer cannot be used."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) >= limit:
            response.close()
            break
    return bytes(content[:limit])


def _failure(response: aiohttp.ClientResponse, response_body: str) -> CallError:
    problem = f"status {response.status}"
    if response.status == HTTPStatus.NOT_FOUND or response.status in range(300, 400):
        problem += f": {WRONG_ADDRESS}"
    # llama-cpp-python's server answers status 500 to a response_format that it does not support, and names it.
    unsupported = response.status == HTTPStatus.INTERNAL_SERVER_ERROR and "response_format" in response_body
    if response.status in BAD_REQUEST or unsupported:
        return RejectedError(problem, response_body)
    return UnavailableError(problem, retry_after_s=retry_after_s(response.headers.get("Retry-After")))


def _completion(body: bytes) -> Completion:
    """Parse a body. A completion that is cut off or has no text gets the empty text, which cannot be used.

    Raises:
        NotACompletionError: the body is no completion.
    """
    if len(body) >= MAX_RESPONSE_BYTES:
        return Completion("", None, None)
    try:
        document = orjson.loads(body)
    except ValueError:
        raise NotACompletionError from None
    choice = _at(_at(document, "choices"), 0)
    message, usage = _at(choice, "message"), _at(document, "usage")
    if not isinstance(message, dict):
        raise NotACompletionError
    if _at(choice, "finish_reason") == "length":
        log.warning("The LLM's answer was cut off: raise TRIAGE_LLM_MAX_TOKENS; reasoning tokens count towards it")
    return Completion(
        _text(message.get("content")),
        _count(_at(usage, "prompt_tokens")),
        _count(_at(usage, "completion_tokens")),
    )


def _text(content: Any) -> str:
    """The text of an answer. Some models send a list of parts, which include their reasoning."""
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
