"""HTTP calls that get through: at an allowed pace, again when there is no answer, never when the answer is no."""

import asyncio
import logging
import random
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import aiohttp
import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.resilience.retry_after import retry_after_s

log = logging.getLogger(__name__)

TIMEOUT_S = 20.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
LONGEST_ASKED_S = 3_600.0
BUSY = frozenset({408, 409, 423, 425, 429})
"""Statuses below 500 after which the same call can succeed."""


class Refused(Exception):  # noqa: N818 (an answer)
    """The helpdesk will not do this, however often it is asked."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"the helpdesk answered {status}: {said[:300]}")
        self.status = status


class Unanswered(Exception):  # noqa: N818 (nobody knows whether it is one)
    """There was no answer, and nobody knows whether it was done."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and between two attempts (in seconds; doubled each time, with jitter)."""

    timeout_s: float = TIMEOUT_S
    first_wait_s: float = FIRST_WAIT_S
    longest_wait_s: float = LONGEST_WAIT_S


class Pace:
    """Calls spread evenly, so that no minute has more of them than allowed."""

    def __init__(self, per_minute: int) -> None:
        self._gap_s = 60 / per_minute
        self._next_at = 0.0

    def wait_s(self, now: float) -> float:
        """How long to wait before the next call, which this takes a place for."""
        at = max(now, self._next_at)
        self._next_at = at + self._gap_s
        return at - now


class Client:
    """Calls one helpdesk.

    Args:
        session: with the login.
        site: the helpdesk's address.
        per_minute: most calls in a minute.
        metrics: where calls are counted.
        patience: times.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        site: str,
        *,
        per_minute: int,
        metrics: HelpdeskMetrics,
        patience: Patience | None = None,
    ) -> None:
        self._session = session
        self._site = site
        self._pace = Pace(per_minute)
        self._metrics = metrics
        self._patience = patience or Patience()
        self.failing_since: float | None = None
        self._failures = 0

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """The answer's JSON. Tries until the helpdesk has answered, however long it is away.

        Args:
            method: such as GET.
            path: on the helpdesk's site.
            body: sent as JSON.
            query: of the URL.
            headers: besides those of every call.
            repeatable: done twice, it is as done once. What is not is tried once.

        Raises:
            Refused: it answered no.
            Unanswered: it did not answer what is not repeatable; the pause is over when this is raised.
            ConfigError: the login or the address is wrong.
        """
        while True:
            await asyncio.sleep(self._pace.wait_s(monotonic()))
            asked_s = None
            try:
                status, said, asked_s = await self._once(method, path, body, query, headers)
                if status < 300:
                    answer = orjson.loads(said) if said.strip() else None
                    self.failing_since, self._failures = None, 0
                    self._metrics.calls.labels("done").inc()
                    return answer
                self._refuse(method, status, said)
                problem = f"status {status}"
                self._metrics.calls.labels("throttled" if status == 429 else "failed").inc()
            except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                problem = "no answer in time" if isinstance(error, TimeoutError) else repr(error)
                self._metrics.calls.labels("failed").inc()
            self.failing_since = self.failing_since or monotonic()
            pause_s = self._backoff_s() if asked_s is None else min(asked_s, LONGEST_ASKED_S)
            log.warning("The helpdesk is asked again", extra={"problem": problem, "in_s": round(pause_s, 1)})
            await asyncio.sleep(pause_s)
            if not repeatable:
                raise Unanswered(problem)

    def _backoff_s(self) -> float:
        """Longer after each failure in a row, and never the same for two connectors."""
        wait_s: float = self._patience.first_wait_s * 2.0 ** min(self._failures, 16)
        self._failures += 1
        return min(wait_s, self._patience.longest_wait_s) * random.uniform(0.5, 1.0)

    async def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> tuple[int, bytes, float | None]:
        """Status, body, and how long the helpdesk asks us to wait."""
        data = None if body is None else orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(total=self._patience.timeout_s)
        async with self._session.request(
            method,
            f"{self._site}{path}",
            data=data,
            params=query,
            headers={"Content-Type": "application/json", **(headers or {})},
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            return response.status, await response.read(), retry_after_s(response.headers.get("Retry-After"))

    def _refuse(self, method: str, status: int, said: bytes) -> None:
        """Raise what cannot be helped by asking again."""
        if status in (401, 403):
            raise ConfigError(
                f"{self._site} refused the login ({status}): check TRIAGE_HELPDESK_USER and TRIAGE_HELPDESK_TOKEN, and "
                f"that this user may make tickets."
            )
        if status < 400 or (status == 404 and method == "GET"):
            raise ConfigError(
                f"{self._site} is there, but its API is not ({status}): check TRIAGE_HELPDESK and TRIAGE_HELPDESK_URL."
            )
        if status < 500 and status not in BUSY:
            self._metrics.calls.labels("refused").inc()
            raise Refused(status, said.decode("utf-8", "replace"))


def login(user: str, token: str) -> dict[str, str]:
    """The header that logs a user in."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{token}".encode()).decode()}
