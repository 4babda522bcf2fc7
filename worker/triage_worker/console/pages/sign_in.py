"""The sign-in, and its end."""

import asyncio
import hmac
from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from triage_worker.console.shared.parts import ConsoleParts
from triage_worker.console.shared.web import PageError, parts, read_form
from triage_worker.console.signing_in.roles import Person
from triage_worker.web.token_bucket import TokenBucket

PER_NAME = 90.0 / 3_600.0
PER_ADDRESS = 20.0 / 60.0
"""Attempts a second, of a name and from an address. With the burst, a name has less than 100 an hour (ASVS 2.2.1)."""

BURSTS = {PER_NAME: 5.0, PER_ADDRESS: 20.0}
MOST_BUCKETS = 10_000
UNKNOWN = "(unknown)"
"""Stands for names that nobody has in the record of acts: some people type their password there."""

AT_ONCE = 2
"""Passwords that are checked at once: each takes 32 MiB and a thread."""


class Attempts:
    """Limits how often somebody can try."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], TokenBucket] = {}
        self.checking = asyncio.Semaphore(AT_ONCE)

    def check(self, name: str, address: str) -> None:
        """Count an attempt.

        Raises:
            PageError: there were too many.
        """
        # The address first: one that is refused adds no names, of which enough would push out those that wait.
        for kind, value, rate in (("address", address, PER_ADDRESS), ("name", name, PER_NAME)):
            bucket = self._buckets.get((kind, value))
            if bucket is None:
                if len(self._buckets) >= MOST_BUCKETS:
                    for oldest in list(self._buckets)[: MOST_BUCKETS // 2]:
                        del self._buckets[oldest]
                bucket = self._buckets[kind, value] = TokenBucket(rate, BURSTS[rate], monotonic())
            wait_s = bucket.take(1, monotonic())
            if wait_s > 0:
                raise PageError(429, "Too many attempts", f"Wait {wait_s:.0f} seconds, then sign in again.")

    def succeeded(self, name: str) -> None:
        """Forget the attempts of somebody who has signed in."""
        self._buckets.pop(("name", name), None)


async def show(request: Request) -> Response:
    """Show the form, or sign in by the code in the address."""
    console, code = parts(request), request.query_params.get("code")
    if code is not None:
        return await _by_code(request, code)
    if await console.sessions.find(request) is not None:
        return RedirectResponse(_next(request.query_params.get("next")), 303)
    return _form(console, request.query_params.get("next"))


async def by_password(request: Request) -> Response:
    """Sign in by name and password."""
    console, form = parts(request), await read_form(request)
    if console.users is None:
        raise PageError(404, "Nobody signs in by a password here", "Go back, and use the other way to sign in.")
    name, password = form.get("name", "").strip()[:64], form.get("password", "")
    address = request.client.host if request.client else ""
    attempts: Attempts = request.app.state.attempts
    attempts.check(name, address)
    async with attempts.checking:
        person = await asyncio.to_thread(console.users.sign_in, name, password)
    if person is None:
        nobody = Person(name if console.users.current(name) else UNKNOWN, "reader", "password")
        await console.acts.note(nobody, "sign_in_refused", f"person:{nobody.name}")
        return _form(console, form.get("next"), wrong=True)
    attempts.succeeded(name)
    return await _signed_in(request, person, form.get("next"))


async def at_issuer(request: Request) -> Response:
    """Go to the issuer."""
    from triage_worker.console.signing_in.oidc import SignInError  # noqa: PLC0415 (only where there is an issuer)

    issuer = parts(request).issuer
    if issuer is None:
        raise PageError(404, "There is no issuer", "Go back, and use the other way to sign in.")
    try:
        return await issuer.start(request)
    except SignInError as error:
        raise PageError(502, "You could not be signed in", str(error)) from error


async def from_issuer(request: Request) -> Response:
    """Come back from the issuer."""
    from triage_worker.console.signing_in.oidc import SignInError  # noqa: PLC0415

    console = parts(request)
    if console.issuer is None:
        raise PageError(404, "There is no issuer", "Go back, and use the other way to sign in.")
    try:
        person = await console.issuer.finish(request)
    except SignInError as error:
        raise PageError(403, "You could not be signed in", str(error)) from error
    return await _signed_in(request, person, None)


async def sign_out(request: Request) -> Response:
    """Sign out."""
    console = parts(request)
    session = await console.sessions.find(request)
    response = RedirectResponse("/sign-in", 303)
    if session is not None:
        request.state.session = session
        await read_form(request)
        await console.sessions.end(session, response)
        await console.acts.note(session.person, "sign_out", f"person:{session.person.name}")
    return response


async def _by_code(request: Request, code: str) -> Response:
    console = parts(request)
    known = console.settings.console_code
    address = request.client.host if request.client else ""
    request.app.state.attempts.check("code", address)
    if known is None or not hmac.compare_digest(known.get_secret_value().encode(), code.encode("utf-8", "replace")):
        raise PageError(403, "This address is no longer valid", "Use the newest one that the console printed.")
    return await _signed_in(request, Person("demo", "admin", "code"), None)


async def _signed_in(request: Request, person: Person, path: str | None) -> Response:
    console, response = parts(request), RedirectResponse(_next(path), 303)
    earlier = await console.sessions.find(request)
    if earlier is not None:
        await console.sessions.discard(earlier)
    await console.acts.note(person, "sign_in", f"person:{person.name}", {"by": person.by})
    await console.sessions.begin(person, response)
    return response


def _form(console: ConsoleParts, path: str | None, *, wrong: bool = False) -> Response:
    values = {
        "wrong": wrong,
        "passwords": console.users is not None,
        "issuer": console.issuer is not None,
        "next": _next(path),
    }
    return HTMLResponse(console.templates.render("sign_in.html", values), 401 if wrong else 200)


def _next(path: str | None) -> str:
    """Return where to go after the sign-in: a path of this console, never another site."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or urlsplit(path).netloc:
        return "/"
    return path if path.isprintable() else "/"


ROUTES = (
    Route("/sign-in", show, methods=["GET"]),
    Route("/sign-in", by_password, methods=["POST"]),
    Route("/sign-in/issuer", at_issuer, methods=["GET"]),
    Route("/sign-in/issuer/callback", from_issuer, methods=["GET"]),
    Route("/sign-out", sign_out, methods=["POST"]),
)
