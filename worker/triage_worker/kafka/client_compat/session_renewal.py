"""Patches aiokafka's connections to log in again before the broker ends their session (KIP-368).

A broker with ``connections.max.reauth.ms`` says how long a session lasts: at most until the token ends. It closes the
connection at the first request after that. aiokafka ignores what the broker says, and meets a closed connection with
requests under way every time. Nothing is lost by that, but each time several errors are logged, and requests are
repeated.

Logging in again uses the same connection. No other request may be sent meanwhile, and those that were sent before are
answered first.
"""

import asyncio
import logging
import weakref
from collections.abc import Awaitable
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import SaslAuthenticateRequest
from aiokafka.protocol.api import Request, Response
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

log = logging.getLogger(__name__)

RENEW_AT = 0.9
"""The share of a session after which it is renewed. The next token is there after 0.85 of the present one's life."""

PAUSE_S = 0.25
"""How long to wait where a request is under way that may take minutes, or where there is no new token."""

SHORTEST_SESSION_S = 1.1
"""Brokers renew a session at most once a second."""

LONG_REQUESTS = frozenset({JoinGroupRequest.API_KEY, SyncGroupRequest.API_KEY})


class RenewingConnection(AIOKafkaConnection):
    """aiokafka's connection, which renews its session."""

    _session_ends_at = 0.0
    _login = b""
    _renewal: "asyncio.Task[None] | None" = None
    _logging_in: "asyncio.Task[None] | None" = None

    def send(self, request: Request, expect_response: bool = True) -> Awaitable[Response]:
        """Send a request, once a login that is going on is over; returns what waits for the answer."""
        if self._logging_in is not None and asyncio.current_task() is not self._logging_in:
            return self._send_later(request, expect_response)
        answer = super().send(request, expect_response)
        if not isinstance(request, SaslAuthenticateRequest):
            return answer
        self._login = request._payload
        return self._note_session(answer)

    async def _send_later(self, request: Request, expect_response: bool) -> Response:
        while self._logging_in is not None:
            await asyncio.wait([self._logging_in])
        return await self.send(request, expect_response)

    async def _note_session(self, answer: Awaitable[Response]) -> Response:
        response: Any = await answer
        lifetime_ms = getattr(response, "session_lifetime_ms", 0)
        if response.error_code == 0 and lifetime_ms > 0:
            self._session_ends_at = self._loop.time() + lifetime_ms / 1_000
            self._renew_in(max(SHORTEST_SESSION_S, RENEW_AT * lifetime_ms / 1_000))
        return response  # type: ignore[no-any-return]

    def _renew_in(self, delay_s: float) -> None:
        # Like aiokafka's own timer, this one does not keep a connection that nobody uses any more.
        self._loop.call_later(delay_s, _begin, weakref.ref(self))

    async def _can_renew(self) -> bool:
        if any(struct is not None and struct.API_KEY in LONG_REQUESTS for _, struct, _ in self._requests):
            return False
        if self._sasl_oauth_token_provider is None:
            return True
        try:  # before the login begins, which holds up all other requests
            token = await self._sasl_oauth_token_provider.token()
        except KafkaError as error:
            log.debug("There is no token to renew the session with: %s", error)
            return False
        return token.encode() not in self._login  # with the same token, the session would end at the same time

    async def _renew(self) -> None:
        if not await self._can_renew():
            if self._loop.time() + PAUSE_S < self._session_ends_at:
                self._renew_in(PAUSE_S)
            return
        if not self.connected():
            return
        self._logging_in = asyncio.current_task()
        try:
            await self._do_sasl_handshake()
        except (KafkaError, OSError, TimeoutError) as error:
            log.debug("The session could not be renewed: %s", error)
            self.close(CloseReason.CONNECTION_BROKEN, error)
        finally:
            self._logging_in = None


def _begin(reference: "weakref.ref[RenewingConnection]") -> None:
    connection = reference()
    if connection is not None and connection.connected():
        connection._renewal = asyncio.ensure_future(connection._renew())
