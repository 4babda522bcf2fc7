"""What an endpoint works with: who asks, the parts of the console, forms, and pages as answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from triage_schemas.messages.message import Scalar

from triage_worker.config.console_values import Role
from triage_worker.console.shared.parts import ConsoleParts
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.signing_in.sessions import Session, token_fits

T = TypeVar("T")

LARGEST_FORM = 65_536
MOST_FIELDS = 200
FORM_TYPE = "application/x-www-form-urlencoded"


class PageError(Exception):
    """A request is answered by a page that says why it cannot be done.

    Attributes:
        status: of the answer.
        title: of the page.
        advice: what the person can do.
    """

    def __init__(self, status: int, title: str, advice: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.advice = advice


@dataclass(frozen=True)
class Visit:
    """A request of somebody who is signed in.

    Attributes:
        request: as it came.
        console: the parts of the console.
        session: of the browser.
    """

    request: Request
    console: ConsoleParts
    session: Session

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.session.person

    def require(self, role: Role) -> None:
        """Check that the person may do what a role may.

        Raises:
            PageError: they may not.
        """
        if not self.person.may(role):
            advice = f"This needs the role {role}, and you are {self.person.role}. Ask who runs the console."
            raise PageError(403, "You may not do this", advice)

    async def read(self, query: Callable[..., T], *arguments: Any) -> T:
        """Run a query on the state: a function of a connection and these arguments."""
        return await self.console.database.read(lambda connection: query(connection, *arguments))

    async def act(self, act: str, subject: str, details: dict[str, Scalar] | None = None) -> str:
        """Publish an act of this person; returns its id.

        Raises:
            NotPublishedError: the broker did not take it; the app answers with a page.
        """
        return await self.console.acts.publish(self.person, act, subject, details)

    async def page(self, template: str, values: Mapping[str, Any] | None = None, status: int = 200) -> Response:
        """Answer with a page."""
        notice = await self.console.sessions.take_notice(self.session)
        return HTMLResponse(self._render(template, {"notice": notice, **(values or {})}), status)

    def fragment(self, template: str, values: Mapping[str, Any] | None = None) -> Response:
        """Answer with a part of a page, which the script puts into it."""
        return HTMLResponse(self._render(template, values or {}))

    async def redirect(self, path: str, notice: str | None = None) -> Response:
        """Answer a form: show another page, with a sentence about what was done."""
        if notice is not None:
            await self.console.sessions.notice(self.session, notice)
        return RedirectResponse(path, 303)

    def _render(self, template: str, values: Mapping[str, Any]) -> str:
        state = self.request.app.state
        known = {
            "person": self.person,
            "csrf": self.session.csrf,
            "path": self.request.url.path,
            "navigation": [page for page in state.pages if page.title and self.person.may(page.role)],
            "warning": self.console.readiness.warning(),
            "link": link,
        }
        return self.console.templates.render(template, {**known, **values})


def link(*parts: str) -> str:
    """Return a path of these parts, each escaped."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def visit(request: Request) -> Visit:
    """Return the visit of a request; the app has checked that somebody is signed in."""
    return Visit(request, parts(request), cast("Session", request.state.session))


def parts(request: Request) -> ConsoleParts:
    """Return the parts of the console."""
    return cast("ConsoleParts", request.app.state.console)


async def read_form(request: Request, largest: int = LARGEST_FORM) -> dict[str, str]:
    """Return the fields of a form, whose token is checked where somebody is signed in.

    An end of a line is one character, as browsers count it for ``maxlength``, and not the two that they send.

    Args:
        request: of the form.
        largest: most bytes, as browsers write them.

    Raises:
        PageError: it is no form, too large, with too many fields, of another page, or without the token of the session.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise PageError(415, "This is no form", "Use the pages of the console.")
    check_same_origin(request)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise PageError(413, "This is too large", "Send less at once.")
    try:
        sent = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise PageError(413, "This form has too many fields", "Use the pages of the console.") from error
    fields = {name: value.replace("\r\n", "\n") for name, value in sent}
    session: Session | None = getattr(request.state, "session", None)
    if session is not None and not token_fits(session, fields.get("csrf", "")):
        raise PageError(403, "This form is too old", "Go back, load the page again, and send it once more.")
    return fields


def check_same_origin(request: Request) -> None:
    """Refuse forms that another site's page sends, by what browsers say about them.

    Raises:
        PageError: it comes from elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = {request.headers.get("host", "")}
    public = parts(request).settings.console_url
    if public is not None:
        own.add(urlsplit(public).netloc)
    foreign = origin is not None and site != "same-origin" and urlsplit(origin).netloc not in own
    if foreign or site in {"cross-site", "same-site"}:
        raise PageError(403, "This form came from another site", "Use the pages of the console.")
