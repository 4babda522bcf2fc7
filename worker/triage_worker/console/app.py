"""The ASGI application: pages for those who are signed in, the sign-in, probes, and pages about errors."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from triage_worker.console.headers import SecurityHeaders
from triage_worker.console.pages import PAGES, sign_in
from triage_worker.console.queries.audit_bound import KeptBound
from triage_worker.console.shared.acts import NotPublishedError
from triage_worker.console.shared.kept import Kept
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.parts import ConsoleParts
from triage_worker.console.shared.web import PageError, link, parts, visit
from triage_worker.console.signing_in.sessions import Session

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
Endpoint = Callable[[Request], Awaitable[Response]]

ADVICE = {
    404: ("There is nothing here", "The address may be wrong, or what it named is no longer kept."),
    405: ("This cannot be done here", "Use the links and buttons of the console."),
}


def make_app(console: ConsoleParts, registry: CollectorRegistry) -> ASGIApp:
    """Make the application.

    Args:
        console: its parts.
        registry: of the metrics, which are shown here unless probes have a port of their own.
    """
    url = console.settings.console_url

    async def livez(_: Request) -> Response:
        return _probe(console.readiness.not_alive())

    async def readyz(_: Request) -> Response:
        return _probe(console.readiness.not_ready())

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = Starlette(
        routes=[
            Route("/", _home),
            *(_guarded(page, route) for page in PAGES for route in page.routes),
            *sign_in.ROUTES,
            Route("/livez", livez),
            Route("/readyz", readyz),
            *(() if console.settings.console_probe_port else (Route("/metrics", metrics),)),
            Mount("/static", _Static(directory=STATIC)),
        ],
        exception_handlers={
            PageError: _on_page_error,
            HTTPException: _on_http_error,
            NotPublishedError: _on_not_published,
            ClientDisconnect: _on_disconnect,
            Exception: _on_unexpected,
        },
    )
    app.router.redirect_slashes = False
    app.state.console = console
    app.state.pages = PAGES
    app.state.attempts = sign_in.Attempts()
    app.state.bound = KeptBound()
    app.state.kept = Kept(console.acts.now)
    return SecurityHeaders(_Unexpected(app), https=url is not None and url.startswith("https:"))


class _Static(StaticFiles):
    """Style and script; browsers ask again whether they have changed, since their names stay."""

    def file_response(self, *args: object, **more: object) -> Response:
        response = super().file_response(*args, **more)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


class _Unexpected:
    """Logs errors that nobody expected, with their kind and place and no customer's text; Starlette has answered."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            frames = "".join(traceback.format_tb(error.__traceback__))
            about = {"error": type(error).__name__, "traceback": frames, "path": scope.get("path")}
            log.error("A page failed", extra=about)  # noqa: TRY400 (an error's message can have a customer's text)


def _guarded(page: Page, route: Route) -> Route:
    """Return a route that only those may use who are signed in and may see its page."""

    async def answer(request: Request) -> Response:
        session = _as_of_now(parts(request), await parts(request).sessions.find(request))
        if session is None:
            if request.method == "GET" and "fetch" not in request.headers.get("x-requested-with", ""):
                return RedirectResponse(f"/sign-in?next={_quoted(request)}", 303)
            raise PageError(401, "You are signed out", "Sign in again; what you sent was not done.")
        request.state.session = session
        visit(request).require(page.role)
        endpoint: Endpoint = route.endpoint
        return await endpoint(request)

    return Route(route.path, answer, methods=sorted(route.methods or {"GET"}), name=route.name)


def _as_of_now(console: ConsoleParts, session: Session | None) -> Session | None:
    """Return a session with the role that the file of people gives now; None if it no longer has the person."""
    if session is None or session.person.by != "password" or console.users is None:
        return session
    person = console.users.current(session.person.name)
    return None if person is None else replace(session, person=person)


def _quoted(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return link(f"{request.url.path}{query}")[1:]


async def _home(_: Request) -> Response:
    return RedirectResponse(PAGES[0].path, 303)


def _probe(problem: str | None) -> Response:
    return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)


def _error_page(request: Request, status: int, title: str, advice: str) -> Response:
    session = getattr(request.state, "session", None)
    values = {"title": title, "advice": advice, "status": status, "signed_in": session is not None}
    return HTMLResponse(parts(request).templates.render("error.html", values), status)


async def _on_page_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    return _error_page(request, error.status, error.title, error.advice)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title, advice = ADVICE.get(error.status_code, ("This cannot be done", str(error.detail)))
    return _error_page(request, error.status_code, title, advice)


async def _on_not_published(request: Request, _: Exception) -> Response:
    advice = (
        "Kafka did not confirm it in time, so nobody knows whether it counts. Go back and do it again: that is safe."
    )
    return _error_page(request, 503, "This could not be saved", advice)


async def _on_unexpected(request: Request, _: Exception) -> Response:
    advice = "The log of the console says what. Try again, and tell who runs it if it stays so."
    return _error_page(request, 500, "Something went wrong", advice)


async def _on_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=499)
