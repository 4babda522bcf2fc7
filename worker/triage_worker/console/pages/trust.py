"""Trust: how much would be automated at which share of right decisions, and where the model is wrong."""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from triage_models.audit.expected_errors import NOTABLE_DRIFT
from triage_models.labelling.suspects import Suspect
from triage_models.metrics.confusions import Confusion, Example

from triage_worker.console.queries import trust as queries
from triage_worker.console.queries.trust import Decided, Traffic
from triage_worker.console.shared import trust_figures as figures
from triage_worker.console.shared.kept import Kept
from triage_worker.console.shared.masking import mask
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.templates_environment import at_least, at_most, counted, percent
from triage_worker.console.shared.trust_chart import confidence_bars, confidence_x, curve_chart
from triage_worker.console.shared.trust_figures import Moved, Point, Slice
from triage_worker.console.shared.web import Visit, visit

KINDS = ("intent", "language", "channel")
SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Figures:
    """All figures of a bundle."""

    points: list[Point]
    slices: dict[str, list[Slice]]
    confusions: list[Confusion]
    suspects: list[Suspect]
    drift: list[Moved]


@dataclass(frozen=True)
class Known:
    """What is known of a bundle, with the texts of messages masked."""

    decided: Decided
    in_force: float | None
    traffic: tuple[Traffic, Traffic]
    figures: Figures
    audited: int
    reviewed: int
    confusions: list[tuple[Confusion, list[tuple[Example, str]]]]
    suspects: list[tuple[Suspect, str]]


async def show(request: Request) -> Response:
    """Show the page, with the handle at the threshold of the address or at the one in force."""
    here, kept = visit(request), cast("Kept", request.app.state.kept)
    now = int(here.console.acts.now() * 1000)
    models = await kept.get("trust", lambda: here.read(queries.models, now))
    if not models:
        return await here.page("trust.html", {"models": [], "model": None})
    asked = request.query_params.get("model", "")
    model = asked if asked in models else models[0]
    known = await kept.get(("trust", model), lambda: _load(here, now, model))
    chosen = _threshold(request.query_params.get("threshold"), known.in_force)
    values = {"models": models, "model": model, "known": known, "figures": known.figures, "notable": NOTABLE_DRIFT}
    return await here.page("trust.html", values | _handle(known, chosen))


async def _load(here: Visit, now: int, model: str) -> Known:
    decided = await here.read(queries.decided, now, model)
    in_force = await here.read(queries.threshold_in_force, model)
    answers = await here.read(queries.answers, model)
    traffic = await here.read(queries.traffic, now, here.console.settings.console_days)
    labels, none = await here.read(queries.known_labels), here.console.queue.out_of_scope_label

    def figures_now() -> Figures:
        return Figures(
            figures.curve(decided, answers, 1.0 if in_force is None else in_force),
            {kind: figures.slices(decided, answers, kind) for kind in KINDS},
            figures.confusions(answers, none),
            figures.suspects(answers, labels, none),
            figures.drift(*traffic),
        )

    found = await asyncio.to_thread(figures_now)
    audited = sum(one.audit for one in answers)
    return Known(
        decided,
        in_force,
        traffic,
        found,
        audited,
        len(answers) - audited,
        [(one, [(example, await _masked(here, example.text)) for example in one.examples]) for one in found.confusions],
        [(one, await _masked(here, one.text)) for one in found.suspects],
    )


async def _masked(here: Visit, text: str) -> str:
    shown = await mask(text, here.console.settings.region)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"


def _threshold(asked: str | None, in_force: float | None) -> float:
    """Return the threshold that is asked for, in percent; otherwise the one in force."""
    try:
        value = float(asked or "") / 100
    except ValueError:
        value = -1.0
    return value if 0.0 <= value <= 1.0 else in_force or 0.8


def _handle(known: Known, chosen: float) -> dict[str, Any]:
    """Return what the handle needs: the curve, the point that it is at, and a sentence for each of its places."""
    found, decided = known.figures, known.decided
    chart = curve_chart(found.points)
    point = figures.at(found.points, chosen)
    bars, columns = confidence_bars(
        (("accepted", decided.accepted), ("refused-bar", decided.refused), ("otherwise", decided.otherwise))
    )
    places = [
        {
            "threshold": round(100 * one.threshold, 1),
            "says": sentence(one),
            "x": None if dot is None else dot.x,
            "y": None if dot is None else dot.y,
            "bar": confidence_x(one.threshold),
        }
        for one, dot in zip(found.points, chart.dots, strict=True)
    ]
    goals = [
        (goal, *(figures.reaching(found.points, goal, surely=surely) for surely in (False, True)))
        for goal in figures.GOALS
    ]
    return {
        "chart": chart,
        "bars": bars,
        "bar_columns": columns,
        "places": places,
        "place": places[found.points.index(point)],
        "goals": goals,
    }


def sentence(point: Point) -> str:
    """Say what a threshold would do."""
    begins = f"At a threshold of {percent(point.threshold, 1)} you automate {percent(point.automated)} of last week"
    right = point.right
    if not point.automated:
        return f"{begins}: no message was that sure."
    if right.share is None:
        return f"{begins}. How much of that is right, nobody knows yet: there are no answers about some of it."
    return (
        f"{begins}, and {percent(right.share, 1)} of that is right: "
        f"between {at_least(right.least)} and {at_most(right.most)}, by {counted(right.answers, 'answer')}."
    )


PAGE = Page("/trust", "Trust", "lead", (Route("/trust", show, methods=["GET"]),))
