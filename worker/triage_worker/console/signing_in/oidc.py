"""Signing in at an issuer: OpenID Connect's authorization code with PKCE, by authlib. The role comes from a claim."""

import logging
import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Any

from authlib.integrations.starlette_client import OAuth, OAuthError
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from triage_worker.config.console_values import ROLES, Role, parse_roles
from triage_worker.config.settings import Settings
from triage_worker.console.signing_in.roles import Person

log = logging.getLogger(__name__)

NAME = "issuer"
COOKIE = "triage_console_issuer"
PENDING_S = 600
MOST_PENDING = 1_000
TIMEOUT_S = 10.0
CALLBACK = "/sign-in/issuer/callback"


class SignInError(Exception):
    """Somebody cannot be signed in; the message says why, to them."""


class Issuer:
    """Signs people in at an issuer. What belongs to an attempt stays here, for ten minutes, under a cookie's id.

    Args:
        settings: of the issuer, complete.
        clock: seconds since the epoch.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time) -> None:
        self._url = settings.console_url or ""
        self._roles = parse_roles(settings.console_oidc_roles or "")
        self._role_claim = settings.console_oidc_role_claim
        self._name_claim = settings.console_oidc_name_claim
        self._clock = clock
        self._pending: dict[str, tuple[float, dict[str, Any]]] = {}
        secret = settings.console_oidc_client_secret
        self._app = OAuth().register(
            NAME,
            server_metadata_url=f"{settings.console_oidc_issuer}/.well-known/openid-configuration",
            client_id=settings.console_oidc_client_id,
            client_secret=None if secret is None else secret.get_secret_value(),
            client_kwargs={
                "scope": settings.console_oidc_scope,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "none" if secret is None else "client_secret_basic",
                "timeout": TIMEOUT_S,
            },
        )

    async def start(self, request: Request) -> Response:
        """Send the browser to the issuer.

        Raises:
            SignInError: the issuer does not answer.
        """
        attempt: dict[str, Any] = {}
        request.scope["session"] = attempt
        try:
            response: Response = await self._app.authorize_redirect(request, f"{self._url}{CALLBACK}")
        except (HTTPError, OAuthError, RuntimeError, ValueError) as error:
            log.warning("The issuer cannot be reached", extra={"error": f"{type(error).__name__}: {error}"})
            raise SignInError("The place where people sign in does not answer: try again in a minute.") from error
        self._expire()
        attempt_id = secrets.token_urlsafe(24)
        self._pending[attempt_id] = (self._clock() + PENDING_S, attempt)
        secure = self._url.startswith("https:")
        response.set_cookie(
            COOKIE, attempt_id, PENDING_S, path="/sign-in", httponly=True, samesite="lax", secure=secure
        )
        return response

    async def finish(self, request: Request) -> Person:
        """Return the person that the issuer has signed in.

        Raises:
            SignInError: it has not, or the person has no role here.
        """
        self._expire()
        _, attempt = self._pending.pop(request.cookies.get(COOKIE, ""), (0.0, None))
        if attempt is None:
            raise SignInError("This took too long, or began in another browser: sign in again.")
        request.scope["session"] = attempt
        try:
            token = await self._app.authorize_access_token(request)
        except (HTTPError, OAuthError, JoseError, RuntimeError, ValueError, TypeError) as error:
            log.warning("A sign-in failed at the issuer", extra={"error": f"{type(error).__name__}: {error}"})
            raise SignInError("The issuer did not sign you in: try again, or ask who runs it.") from error
        claims = token.get("userinfo")
        if not isinstance(claims, Mapping):
            raise SignInError("The issuer sent no ID token: is “openid” among TRIAGE_CONSOLE_OIDC_SCOPE?")
        return self._person(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        name = str(claims.get(self._name_claim) or claims.get("sub") or "")
        if self._name_claim == "email" and claims.get("email_verified") is False:
            raise SignInError("Your e-mail address is not confirmed at the issuer: confirm it, then sign in again.")
        role = self._role(claims.get(self._role_claim))
        if not name or role is None:
            raise SignInError(f"You are signed in as {name}, but have no role here: ask who runs the console.")
        return Person(name, role, "issuer")

    def _role(self, value: Any) -> Role | None:
        """Return the highest role of the values of the claim."""
        values = value if isinstance(value, list) else [value]
        found = {self._roles[one] for one in values if isinstance(one, str) and one in self._roles}
        return max(found, key=ROLES.index) if found else None

    def _expire(self) -> None:
        now = self._clock()
        for attempt_id, (until, _) in list(self._pending.items()):
            if until < now or len(self._pending) > MOST_PENDING:
                del self._pending[attempt_id]


def forget_attempt(response: RedirectResponse) -> None:
    """Delete the cookie of the attempt."""
    response.delete_cookie(COOKIE, path="/sign-in")
