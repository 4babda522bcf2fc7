"""Tokens of an OpenID Connect or OAuth 2.0 issuer, by the grant for client credentials (RFC 6749, section 4.4)."""

import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

import orjson

from triage_worker.config.errors import ConfigError
from triage_worker.kafka.tokens import oidc_errors
from triage_worker.kafka.tokens.token import Token, TokenError, new_token
from triage_worker.resilience.retry_after import retry_after_s

TIMEOUT_S = 8.0
"""Of each step of a request; less than a client waits for its first token, so that it learns the cause."""

LARGEST_ANSWER = 1_048_576


@dataclass(frozen=True)
class OidcClient:
    """A client that an issuer knows.

    Attributes:
        url: the token endpoint.
        client_id: its id.
        client_secret: its secret.
        in_form: whether id and secret are sent in the form, and not in a header.
        parameters: further parameters of the form, such as the scope.
        cafile: PEM file with the authority that signed the issuer's certificate; None: those of the system.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    in_form: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    cafile: Path | None = None

    def fetch(self) -> Token:
        """Get a token. Blocks, and does so without asyncio: a look-up that hangs cannot delay the end of the process.

        Raises:
            TokenError: the issuer is away or refuses; says what to change.
        """
        asked_at = time.monotonic()
        try:
            with self._opener().open(self._request(), timeout=TIMEOUT_S) as response:
                content = response.read(LARGEST_ANSWER)
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except ssl.SSLError as error:
            raise oidc_errors.unreachable(self.url, error) from None
        except URLError as error:
            cause = error.reason if isinstance(error.reason, Exception) else error
            raise oidc_errors.unreachable(self.url, cause) from None
        except (OSError, HTTPException) as error:
            raise oidc_errors.unreachable(self.url, error) from None
        return self._token(content, time.monotonic() - asked_at)

    def _request(self) -> Request:
        form = {"grant_type": "client_credentials", **self.parameters}
        headers = {"Accept": "application/json"}
        if self.in_form:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            login = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        return Request(self.url, urlencode(form).encode(), headers, method="POST")

    def _opener(self) -> OpenerDirector:
        # The file is read each time, since it may be replaced while the process runs.
        try:
            context = ssl.create_default_context(cafile=self.cafile)
        except (OSError, ssl.SSLError) as error:
            raise TokenError(
                f"TRIAGE_OAUTH_SSL_CAFILE={self.cafile} cannot be loaded ({error}): give a PEM file."
            ) from None
        return build_opener(HTTPSHandler(context=context), _NoRedirects())

    def _refusal(self, error: HTTPError) -> TokenError:
        try:
            answer = _object(error.read(LARGEST_ANSWER))
        except (OSError, HTTPException):
            answer = {}
        code, said = str(answer.get("error") or ""), str(answer.get("error_description") or "")
        said = said.replace(self.client_secret, "********")
        message = oidc_errors.refusal(self.url, self.client_id, error.code, code, said, self.parameters.get("scope"))
        return TokenError(message, retry_after_s(error.headers.get("Retry-After")))

    def _token(self, content: bytes, took_s: float) -> Token:
        answer = _object(content)
        if "access_token" not in answer:
            raise TokenError(oidc_errors.no_token(self.url))
        lasts: Any = answer.get("expires_in")
        try:
            lifetime_s = None if lasts is None else float(lasts) - took_s
        except (TypeError, ValueError):
            lifetime_s = None
        return new_token(answer["access_token"], lifetime_s, time.time(), f"The issuer at {self.url}")


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirection: it would take the client's secret to another address."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def check_cafile(path: Path | None) -> None:
    """Make sure that the file with the issuer's authority is there.

    Raises:
        ConfigError: it is not.
    """
    if path is not None and not path.is_file():
        raise ConfigError(f"TRIAGE_OAUTH_SSL_CAFILE={path} is not a file: give the path of a PEM file.")


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
