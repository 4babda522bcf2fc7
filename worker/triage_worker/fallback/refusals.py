"""Tells a passing failure of an endpoint from a refusal, which lasts until somebody does something."""

import re
from http import HTTPStatus

from triage_worker.fallback.error_body import ErrorBody
from triage_worker.fallback.errors import CallError, RejectedError, UnavailableError

PASSING: set[int] = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
}

USED_UP = re.compile(
    r"insufficient|quota|billing|credit|balance|budget|payment|prepaid|spend|usage.?limit|out of funds|top.?up|arrear"
    r"|good standing|deactivated|余额|欠费|充值",
    re.IGNORECASE,
)
"""Words of an endpoint whose account is used up. A request that is merely too frequent is refused without them."""

TOO_FREQUENT = re.compile(r"throttl|rate.?(limit|exceed)|too many requests", re.IGNORECASE)
"""Words of endpoints that refuse requests which are too frequent with another status than 429."""

ABOUT_FORMAT = re.compile(
    r"response.?format|json.?(schema|object|mode)|structured.?output|guided|grammar", re.IGNORECASE
)

HINTS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "check TRIAGE_LLM_API_KEY",
    HTTPStatus.NOT_FOUND: (
        "check that TRIAGE_LLM_URL is the endpoint's address up to /v1, and TRIAGE_LLM_MODEL a model there"
    ),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "a proxy on the way asks for a login",
}


def is_transient(status: int, body: ErrorBody) -> bool:
    """Whether a response with this status means that the same call may succeed a little later."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return USED_UP.search(f"{body.words} {body.code}") is None
    # llama-cpp-python's server answers status 500 to a response_format that it does not support, and names it.
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and ABOUT_FORMAT.search(body.words):
        return False
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN} and TOO_FREQUENT.search(f"{body.words} {body.code}"):
        return USED_UP.search(body.words) is None
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING


def failure(status: int, body: ErrorBody, retry_after_s: float | None, location: str = "") -> CallError:
    """The error of a response with a status other than 200.

    Args:
        status: the status.
        body: what the response says.
        retry_after_s: how long the endpoint asks to be left alone, in seconds; None if it does not say.
        location: where a redirect leads; it is not followed, since the key belongs to this endpoint and no other.
    """
    problem = f"status {status}"
    if is_transient(status, body):
        return UnavailableError(problem, retry_after_s=retry_after_s)
    hint = HINTS.get(status)
    if status in range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST):
        hint = f"a redirect to {location or 'nowhere'}: {HINTS[HTTPStatus.NOT_FOUND]}"
    return RejectedError(f"{problem}: {hint}" if hint else problem, body, status=status, retry_after_s=retry_after_s)
