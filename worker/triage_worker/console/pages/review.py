"""Review: one message after another, and one key for each answer."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.console.page import Page
from triage_worker.console.web import visit


async def show(request: Request) -> Response:
    """Show the queue."""
    return await visit(request).page("review.html")


PAGE = Page("/review", "Review", "reviewer", (Route("/review", show),))
