"""Tickets: by queue, with the time that is left."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.console.page import Page
from triage_worker.console.web import visit


async def show(request: Request) -> Response:
    """Show the tickets."""
    return await visit(request).page("tickets.html")


PAGE = Page("/tickets", "Tickets", "reader", (Route("/tickets", show),))
