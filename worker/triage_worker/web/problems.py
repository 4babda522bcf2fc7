"""Errors as `application/problem+json` (RFC 9457)."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:triage:problem:"


class ProblemError(Exception):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        code: a stable word, for programs.
        detail: what happened, to what, and what to do; never contains a customer's text.
        path: where in the body the mistake is.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, path: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.path = path
        self.headers = dict(headers or {})


def try_later(status: int, code: str, detail: str, seconds: float) -> ProblemError:
    """Make a problem that goes away by itself, with ``Retry-After``."""
    return ProblemError(status, code, detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})


def problem_response(error: ProblemError, request_id: str) -> Response:
    """Return the response of a problem."""
    body: dict[str, object] = {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.path:
        body["path"] = error.path
    body["request_id"] = request_id
    return Response(orjson.dumps(body), error.status, error.headers, MEDIA_TYPE)
