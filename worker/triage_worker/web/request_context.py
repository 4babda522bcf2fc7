"""Around each request: its id, one line in the log, its metrics, and an answer to errors that nobody expected."""

import asyncio
import logging
import re
import traceback
from time import monotonic
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage_worker.observability import logs
from triage_worker.web.metrics import HttpMetrics
from triage_worker.web.problems import ProblemError, problem_response, try_later

access_log = logging.getLogger("triage_worker.web.access")
log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that probes call all the time: they are logged on DEBUG."""

CSP = "default-src 'none'; frame-ancestors 'none'"
"""No answer is a page."""

OTHER = "other"

LOGGED = ("key", "texts", "source", "accepted", "ignored", "problem")
"""What endpoints may note in the state of a request, for its line in the log."""


class RequestContext:
    """An ASGI middleware.

    Args:
        app: what answers.
        routes: the paths that metrics name; all others are `OTHER`, unless an endpoint notes a `route` in the state.
        metrics: where requests are timed.
    """

    def __init__(self, app: ASGIApp, routes: frozenset[str], metrics: HttpMetrics) -> None:
        self._app = app
        self._routes = routes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = monotonic()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("Cache-Control", "no-store")
                headers["Content-Security-Policy"] = CSP
            await send(message)

        with logs.about({"request_id": request_id}):
            try:
                await self._app(scope, receive, send_with_id)
            except asyncio.CancelledError:  # the service ends, and could not wait longer
                if not status:
                    problem = try_later(503, "stopping", "The service is stopping: send the request again.", 1)
                    await problem_response(problem, request_id)(scope, receive, send_with_id)
            except Exception as error:
                _log_unexpected(error)
                if not status:
                    problem = ProblemError(
                        500, "internal", "Something went wrong: the log says more, by the request's id."
                    )
                    await problem_response(problem, request_id)(scope, receive, send_with_id)
            finally:
                self._count(scope, status or 499, monotonic() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path, method, state = scope["path"], scope["method"], scope["state"]
        route = state.get("route") or (path if path in self._routes else OTHER)
        self._metrics.request(route, method, status, seconds)
        if "problem" in state:
            self._metrics.problem(state["problem"])
        about = {
            "method": method,
            "route": route,
            "status": status,
            "ms": round(1_000 * seconds, 1),
            **{name: state[name] for name in LOGGED if name in state},
            "client": scope["client"][0] if scope.get("client") else None,
        }
        access_log.log(logging.DEBUG if path in QUIET else logging.INFO, "Request", extra=about)


def _log_unexpected(error: Exception) -> None:
    # The kind of error and its place only: its message can contain the customer's text.
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("A request failed", extra={"error": type(error).__name__, "traceback": frames})
