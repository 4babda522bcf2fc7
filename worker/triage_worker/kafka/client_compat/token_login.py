"""Patches aiokafka's login by token (OAUTHBEARER) to notice that the broker refuses the token.

A broker that refuses a token answers with the reason, as data of the login and without an error code. The client then
sends one byte, and the broker ends the login with an error (RFC 7628, section 3.2.3). aiokafka takes that first answer
for a success. Its next request meets a broker that waits for the byte, and closes the connection: a refused token looks
like a broker that is away.
"""

from typing import Any

from aiokafka import conn
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import SaslAuthenticationFailed

from triage_worker.kafka.client_compat.session_renewal import RenewingConnection

ABORT = b"\x01"
"""What a client answers to the reason of a refusal."""

Step = tuple[bytes, bool] | None


def apply_patch() -> None:
    """Make all clients of this process open `PatchedConnection`."""
    conn.AIOKafkaConnection = PatchedConnection  # type: ignore[misc]  # `create_conn` looks there


class PatchedOAuthAuthenticator(OAuthAuthenticator):
    """aiokafka's side of the login, which lets the broker end it with an error if it refuses the token."""

    _aborted = False

    async def step(self, payload: bytes | None) -> Step:
        """Return the next data to send, and that an answer is expected; None if the login is complete."""
        if payload and self._token_sent and not self._aborted:
            self._aborted = True
            return ABORT, True
        return await super().step(payload)


class PatchedConnection(RenewingConnection):
    """aiokafka's connection, which also tells the provider of tokens that a broker refused one."""

    def authenticator_oauth(self) -> OAuthAuthenticator:
        """Make the client's side of a login."""
        provider = self._sasl_oauth_token_provider
        assert provider is not None  # aiokafka refuses the mechanism without one
        return PatchedOAuthAuthenticator(sasl_oauth_token_provider=provider)

    async def _do_sasl_handshake(self) -> None:
        try:
            await super()._do_sasl_handshake()
        except SaslAuthenticationFailed:
            refused: Any = getattr(self._sasl_oauth_token_provider, "refused", None)
            if refused is not None:
                refused()
            raise
