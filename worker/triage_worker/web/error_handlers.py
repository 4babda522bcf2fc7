"""Answers errors of endpoints, and paths and methods that there are not, as problems."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from triage_worker.web.problems import ProblemError, problem_response

CODES = {404: "not_found", 405: "wrong_method"}

Handler = Callable[[Request, Exception], Awaitable[Response]]


def error_handlers(where_to_look: str) -> dict[Any, Handler]:
    """Return the handlers of a Starlette application.

    Args:
        where_to_look: what lists the paths that there are, for the answer to another path.
    """

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        details = {
            404: f"There is nothing at this path: {where_to_look} lists what there is.",
            405: f"This path does not take {request.method}: the header Allow lists what it takes.",
        }
        code = CODES.get(error.status_code, "refused")
        detail = details.get(error.status_code, str(error.detail))
        return await _on_problem(request, ProblemError(error.status_code, code, detail, headers=error.headers))

    return {ProblemError: _on_problem, HTTPException: on_http_error, ClientDisconnect: _on_disconnect}


def probe_response(problem: str | None) -> Response:
    """Return the answer of a probe.

    Args:
        problem: what is wrong; None if nothing is.
    """
    return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    request.state.problem = error.code
    return problem_response(error, request.state.request_id)


async def _on_disconnect(request: Request, _: Exception) -> Response:
    """Return what nobody receives; the log and the metrics show the status, which is nginx's for this."""
    request.state.problem = "client_gone"
    return Response(status_code=499)
