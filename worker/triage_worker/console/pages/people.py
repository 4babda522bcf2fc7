"""Acts: who did what. The lead's view of the record."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.console.queries import people as queries
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.web import visit


async def show(request: Request) -> Response:
    """Show the latest acts."""
    here = visit(request)
    who, act = request.query_params.get("who") or None, request.query_params.get("act") or None
    values = {
        "acts": await here.read(queries.acts, who, act),
        "names": await here.read(queries.names),
        "who": who,
        "act": act,
        "most": queries.SHOWN,
    }
    return await here.page("acts.html", values)


PAGE = Page("/acts", "Acts", "lead", (Route("/acts", show),))
