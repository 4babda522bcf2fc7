"""The HTTP client of the helpdesk adapters: limits the rate of calls, and retries calls that may succeed later."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, TypeVar

import aiohttp
import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.resilience.backoff import RetryPolicy
from triage_worker.resilience.rate_limiter import RateLimiter
from triage_worker.resilience.retry_after import retry_after_s

T = TypeVar("T")

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
RETRY = RetryPolicy(first_s=0.5, longest_s=60.0)
THROTTLED = 429
CONFLICT = 409
TRANSIENT = frozenset({408, CONFLICT, 423, 425, THROTTLED})
"""Statuses below 500 after which the same call can succeed."""

FORBIDDEN = 403
NOT_FOUND = 404
REDIRECTS = frozenset({301, 302, 307, 308})
GONE = frozenset({NOT_FOUND, 410, *REDIRECTS})
"""Statuses of a ticket that was deleted, or merged into another one."""


class RequestRejectedError(Exception):
    """The helpdesk rejected a request, and would reject it again.

    Attributes:
        status: of the response.
        body: of the response.
    """

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"the helpdesk answered {status}: {body[:300]}")
        self.status = status
        self.body = body


class NoResponseError(Exception):
    """No usable response came to a call that is not idempotent. The helpdesk may or may not have done it."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: Mapping[str, Any] | None
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    about_one: bool = False
    """Whether it is about one ticket, so that a refusal says nothing about the login and the address."""
    follows: bool = False
    """Whether it belongs to a request before it, so that it does not wait; those after it wait for longer."""


@dataclass(frozen=True, slots=True)
class _Success:
    """The JSON of a response; None if it has no body."""

    content: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an attempt failed, and the delay that the helpdesk asked for."""

    problem: str
    retry_after_s: float | None


class HelpdeskClient:
    """Calls the API of one helpdesk.

    Args:
        session: sends the headers that authenticate each request.
        site: the helpdesk's address, without a slash at the end.
        per_minute: the most calls in a minute.
        metrics: where calls are counted.
        timeout_s: how long to wait for a response, in seconds.
        retry: the delays between attempts.

    Attributes:
        metrics: where calls are counted, and by adapters what their helpdesk did not take.
        failed: number of failures so far.
        failing_since: time of the first failure since the last success, by `time.monotonic`; None if there is none.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        site: str,
        *,
        per_minute: int,
        metrics: HelpdeskMetrics,
        timeout_s: float = TIMEOUT_S,
        retry: RetryPolicy = RETRY,
    ) -> None:
        self._session = session
        self._site = site
        self._rate_limiter = RateLimiter(per_minute)
        self.metrics = metrics
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._retry = retry
        self.failing_since: float | None = None
        self._failures = 0
        self._site_is_right = False
        self.failed = 0

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
    ) -> Any:
        """Make a call and return the JSON of its response. Retries until the helpdesk responds, for hours if need be.

        Args:
            method: such as GET.
            path: of the URL, after the site.
            body: sent as JSON.
            query: of the URL.
            headers: in addition to those of the session.
            idempotent: whether a second call would change nothing; a call that is not idempotent is not retried.

        Raises:
            RequestRejectedError: the helpdesk rejected the request.
            NoResponseError: no response to a call that is not idempotent; raised after the delay of a retry.
            ConfigError: the login or the address is wrong.
        """
        return await self._until_answered(_Request(method, path, body, query, headers), idempotent=idempotent)

    async def find(
        self, path: str, *, known: str, query: Mapping[str, str] | None = None, follows: bool = False
    ) -> Any | None:
        """Get something of one ticket; None if there is no such ticket, or if it was merged into another one.

        Args:
            path: of the URL, after the site.
            known: a path that exists at every site of this helpdesk; asked once, if nothing has been found so far.
            query: of the URL.
            follows: whether it belongs to the request before it.

        Raises:
            RequestRejectedError: this login may not see the ticket.
            ConfigError: the login or the address is wrong.
        """
        try:
            found = await self._until_answered(_Request("GET", path, None, query, about_one=True, follows=follows))
        except RequestRejectedError as error:
            if not self._site_is_right:
                await self.call("GET", known)
                self._site_is_right = True
            if error.status in GONE:
                return None
            raise
        self._site_is_right = True
        return found

    async def change(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Change one ticket, and return the JSON of the response. It is sent once, and without waiting for its turn.

        So little time passes after the ticket was read.

        Raises:
            RequestRejectedError: the helpdesk rejected the change, or the ticket is gone.
            NoResponseError: it may or may not have been done, or the ticket was changed meanwhile (409); raised after
                the delay of a retry. Read the ticket again.
            ConfigError: the login is wrong.
        """
        return await self._until_answered(_Request(method, path, body, about_one=True, follows=True), idempotent=False)

    async def undisturbed(self, read: Callable[[], Awaitable[T]]) -> T:
        """Repeat something that takes several requests until none of them has failed, so that little time passes."""
        while True:
            failed = self.failed
            found = await read()
            if self.failed == failed:
                return found

    async def _until_answered(self, request: _Request, *, idempotent: bool = True) -> Any:
        while True:
            wait_s = self._rate_limiter.reserve_s(monotonic())
            await asyncio.sleep(0 if request.follows else wait_s)
            result = await self._attempt(request)
            if isinstance(result, _Success):
                self.failing_since, self._failures = None, 0
                return result.content
            await self._back_off(result)
            if not idempotent:
                raise NoResponseError(result.problem)

    async def _attempt(self, request: _Request) -> _Success | _Failure:
        """Make the call once, and count it by its result."""
        asked_s = None
        try:
            status, content, asked_s = await self._send(request)
            if status < 300:
                success = _Success(orjson.loads(content) if content.strip() else None)
                self.metrics.calls.labels("done").inc()
                return success
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            self.metrics.calls.labels("failed").inc()
            return _Failure("no response in time" if isinstance(error, TimeoutError) else repr(error), asked_s)
        self._raise_if_permanent(request, status, content)
        result = {THROTTLED: "throttled", CONFLICT: "conflict"}.get(status, "failed")
        self.metrics.calls.labels(result).inc()
        return _Failure(f"status {status}", asked_s)

    async def _send(self, request: _Request) -> tuple[int, bytes, float | None]:
        """Return the status, the body, and the seconds of ``Retry-After``."""
        async with self._session.request(
            request.method,
            f"{self._site}{request.path}",
            data=None if request.body is None else orjson.dumps(request.body),
            params=request.query,
            headers={"Content-Type": "application/json", **(request.headers or {})},
            timeout=self._timeout,
            allow_redirects=False,
            middlewares=(_sent_once,),
        ) as response:
            asked_s = retry_after_s(response.headers.get("Retry-After"))
            if asked_s is None and response.status == THROTTLED:
                asked_s = _until_reset_s(response.headers.get("X-RateLimit-Reset"))
            return response.status, await response.read(), asked_s

    def _raise_if_permanent(self, request: _Request, status: int, content: bytes) -> None:
        """Raise for a status that a retry cannot change."""
        method = request.method
        if request.about_one and (status == FORBIDDEN or status in GONE):
            self.metrics.calls.labels("refused").inc()
            raise RequestRejectedError(status, content.decode("utf-8", "replace"))
        if status in (401, FORBIDDEN):
            raise ConfigError(
                f"{self._site} refused the login ({status}): check TRIAGE_HELPDESK_USER and TRIAGE_HELPDESK_TOKEN, and "
                f"that this user may create and change tickets."
            )
        if status < 400 or (status == 404 and method == "GET"):
            raise ConfigError(
                f"{self._site} responds, but not with the API of this helpdesk ({status}): check TRIAGE_HELPDESK and "
                f"TRIAGE_HELPDESK_URL."
            )
        if status < 500 and status not in TRANSIENT:
            self.metrics.calls.labels("refused").inc()
            raise RequestRejectedError(status, content.decode("utf-8", "replace"))

    async def _back_off(self, failure: _Failure) -> None:
        self.failed += 1
        self.failing_since = self.failing_since or monotonic()
        self._failures += 1
        delay_s = self._retry.delay_s(self._failures, failure.retry_after_s)
        log.warning("A helpdesk call failed", extra={"problem": failure.problem, "retry_in_s": round(delay_s, 1)})
        await asyncio.sleep(delay_s)


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a request again by itself when a connection breaks.

    It does so with PUT and DELETE, at once and without reading the ticket again, so that it could undo a change that a
    person made after the first time.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientError(f"the connection broke: {error!r}") from error


def _until_reset_s(header: str | None) -> float | None:
    """The seconds until the time that Intercom names, in seconds since the epoch."""
    try:
        return max(0.0, float(header or "") - time())
    except ValueError:
        return None


def basic_auth(user: str, token: str) -> Mapping[str, str]:
    """The header of HTTP basic authentication."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{token}".encode()).decode()}
