"""Tickets: by queue, with the time that is left, and why each is there."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.config.errors import ConfigError
from triage_worker.console.queries import tickets as queries
from triage_worker.console.queries.conversations import Message, conversation
from triage_worker.console.queries.tickets import Search
from triage_worker.console.shared.masking import mask
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.routing import route_of, routes_of
from triage_worker.console.shared.web import PageError, Visit, visit

MOST_PAGES = 1_000
STATUSES = ("open", "closed", "all")


async def show(request: Request) -> Response:
    """Show the queues, and the tickets that are looked for."""
    here, asked = visit(request), request.query_params
    status = asked.get("status", "open")
    page = asked.get("page", "0")
    wanted = Search(
        words=asked.get("words", "")[:200],
        queue=asked.get("queue") or None,
        status=None if status == "all" else status if status in STATUSES else "open",
        page=min(int(page), MOST_PAGES) if page.isascii() and page.isdigit() else 0,
    )
    now = int(here.console.acts.now() * 1000)
    rows, more = await here.read(queries.search, wanted)
    values = {
        "queues": await here.read(queries.queues, now),
        "tickets": rows,
        "more": more,
        "wanted": wanted,
        "status": status if status in STATUSES else "open",
        "now": now,
    }
    return await here.page("tickets.html", values)


async def show_ticket(request: Request) -> Response:
    """Show one ticket: what it is, why it is there, and the path of its conversation."""
    here, ticket_id = visit(request), request.path_params["ticket_id"]
    ticket = await here.read(queries.ticket, ticket_id)
    if ticket is None:
        raise PageError(404, "There is no such ticket", "It may be closed for longer than the console keeps it.")
    values = {
        "ticket": ticket,
        "path": request.url.path,
        "messages": await _path(here, str(ticket.get("conversation_id") or "")),
        "others": [
            one
            for one in await here.read(queries.tickets_of, str(ticket.get("conversation_id") or ""))
            if one.ticket_id != ticket_id
        ],
        "now": int(here.console.acts.now() * 1000),
    }
    return await here.page("ticket.html", values)


async def _path(here: Visit, conversation_id: str) -> list[dict[str, Any]]:
    """Return each message of a conversation with its text, masked, and where the rules send it."""
    try:
        routes = await asyncio.to_thread(routes_of, here.console.settings)
    except ConfigError:
        routes = None  # the rules are the router's, and may be on another machine
    path = []
    for message in await here.read(conversation, conversation_id):
        text = None if message.text is None else await mask(message.text, here.console.settings.region)
        acted = _acted(message)
        route = None if routes is None or acted is None else route_of(routes, message, acted)
        path.append({"message": message, "text": text, "route": route})
    return path


def _acted(message: Message) -> Any:
    """Return the last decision that the router acted on: a refusal makes no ticket."""
    return next((one for one in reversed(message.decisions) if one.outcome != "refused"), None)


PAGE = Page(
    "/tickets",
    "Tickets",
    "reader",
    (Route("/tickets", show), Route("/tickets/{ticket_id:path}", show_ticket)),
)
