"""Explains in one sentence why an issuer gave no token. None shows a secret."""

import ssl
from http import HTTPStatus

from triage_worker.kafka.tokens.token import TokenError

LONGEST_QUOTE = 200
ADVICE = {
    "invalid_client": "check TRIAGE_OAUTH_CLIENT_ID and TRIAGE_OAUTH_CLIENT_SECRET, and whether the issuer wants them "
    "in a header or in the form (TRIAGE_OAUTH_CLIENT_AUTH=basic or post)",
    "invalid_scope": "check TRIAGE_OAUTH_SCOPE",
    "invalid_target": "check TRIAGE_OAUTH_AUDIENCE and TRIAGE_OAUTH_PARAMETERS",
    "unauthorized_client": "allow this client the grant for client credentials at the issuer",
    "unsupported_grant_type": "allow this client the grant for client credentials at the issuer",
    "invalid_request": "check TRIAGE_OAUTH_AUDIENCE, TRIAGE_OAUTH_SCOPE and TRIAGE_OAUTH_PARAMETERS",
}
"""What to do by the error code of RFC 6749 and RFC 8707."""

MOVED = frozenset({301, 302, 303, 307, 308})
MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
ENDPOINT = "set TRIAGE_OAUTH_TOKEN_URL to its token endpoint (token_endpoint in .well-known/openid-configuration)"


def refusal(url: str, client_id: str, status: int, code: str, description: str, scope: str | None) -> str:
    """Explain an answer of the issuer that is an error.

    Args:
        url: the token endpoint.
        client_id: the client.
        status: of HTTP.
        code: the issuer's error code; may be empty.
        description: what the issuer says about it; may be empty.
        scope: that was asked for, if any.
    """
    if status in MOVED:
        return f"The issuer at {url} refers to another address ({status}): {ENDPOINT}."
    if not code and status in MISSING:
        return f"There is no token endpoint at {url} ({status}): {ENDPOINT}."
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        said = _said(code or str(status), description)
        return f"The issuer at {url} gives no token at present ({said}): wait until it does, or see its log."
    is_login = not code and status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    advice = ADVICE.get("invalid_client" if is_login else code, "see the issuer's log")
    what = f"the scope “{scope}” to the client {client_id}" if code == "invalid_scope" else f"the client {client_id}"
    return f"The issuer at {url} refused {what} ({_said(code or str(status), description)}): {advice}."


def unreachable(url: str, error: Exception) -> TokenError:
    """Explain why the issuer gave no answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TokenError(
            f"The certificate of the issuer at {url} is not trusted ({error.verify_message}): set "
            "TRIAGE_OAUTH_SSL_CAFILE to the authority that signed it."
        )
    cause = "timed out" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or str(error)
    return TokenError(
        f"The issuer at {url} does not answer ({cause or type(error).__name__}): start it, or set "
        "TRIAGE_OAUTH_TOKEN_URL to where it is."
    )


def no_token(url: str) -> str:
    """Explain an answer that is no error, and has no token."""
    return f"{url} answers, but not with a token: {ENDPOINT}."


def _said(code: str, description: str) -> str:
    said = " ".join(description.split())
    quoted = said if len(said) <= LONGEST_QUOTE else f"{said[:LONGEST_QUOTE]}…"
    return f"{code}: {quoted}" if quoted else code
