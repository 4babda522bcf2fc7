"""Now: what is happening, and whether all is well."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.console.queries import now as queries
from triage_worker.console.shared import live
from triage_worker.console.shared.alerting import alerts
from triage_worker.console.shared.charts import stacked
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.web import Visit, visit
from triage_worker.console.state.counted import OUTCOMES

KINDS = {"accepted": "accepted", "refused": "refused-bar", "dead_letter": "dead_letter"}
RECENT = 5
"""Minutes that "a minute" is the mean of; the present one is not over, and is left out."""


async def show(request: Request) -> Response:
    """Show the page."""
    here = visit(request)
    return await here.page("now.html", await _values(here))


async def refresh(request: Request) -> Response:
    """Show the part of the page that changes."""
    here = visit(request)
    return here.fragment("now_live.html", await _values(here))


async def _values(here: Visit) -> dict[str, Any]:
    now = int(here.console.acts.now() * 1000)
    minutes = await here.read(queries.minutes, now)
    account, queue = await here.read(queries.account), await here.read(queries.queue, now)
    surges, bound = await here.read(queries.surges), await here.read(here.request.app.state.bound.of, now)
    looks = list(here.console.scraper.looks)
    over = minutes[-1 - RECENT : -1]
    return {
        "now": now,
        "minutes": minutes,
        "chart": stacked(
            [[(KINDS[name], one.outcomes.get(name, 0)) for name in OUTCOMES] for one in minutes],
            [f"{datetime.fromtimestamp(one.at / 1000, UTC):%H:%M}" for one in minutes],
        ),
        "per_minute": sum(one.messages for one in over) / len(over),
        "labels": await here.read(queries.labels, now),
        "account": account,
        "queue": queue,
        "bound": bound,
        "alerts": alerts(looks, account, queue, surges, bound, now),
        "has_metrics": bool(here.console.scraper.urls),
        "workers": live.worker_account(looks[-1]) if looks else None,
        "lags": live.lags(looks[-1]) if looks else [],
        "latency": {share: live.latency(looks, share) for share in (0.5, 0.99)},
        "llm": live.llm(looks),
    }


PAGE = Page("/now", "Now", "reader", (Route("/now", show), Route("/now/live", refresh)))
