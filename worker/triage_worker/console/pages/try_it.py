"""Try it: what becomes of a text that somebody types, and why. The text is not stored."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from triage_models.serving.decision import NO_WISH
from triage_schemas.events import EntityRef

from triage_worker.config.errors import ConfigError
from triage_worker.console.queries import try_it as queries
from triage_worker.console.shared import marked_words
from triage_worker.console.shared.masking import mask
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.routing import routes_of
from triage_worker.console.shared.trials import LONGEST, BundleUnusableError, TooManyError, Trial
from triage_worker.console.shared.web import PageError, Visit, read_form, visit
from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import Route as TicketRoute
from triage_worker.routing.routes import Routes

LONGEST_CHANNEL = 64
EMPTY = {"text": "", "channel": "", "trial": None, "problem": None, "longest": LONGEST}


@dataclass(frozen=True)
class Step:
    """A rule that was looked at: its conditions that do not hold, in words; none if it fires."""

    rule: str
    failed: Sequence[str]


@dataclass(frozen=True)
class Routed:
    """Where the rules send a message.

    Attributes:
        by: who has to decide so for the rules to be asked: the model, or a person.
        route: where it goes.
        steps: the rules up to the one that fires.
        asks_for_words: whether a rule asks for words, which the router sees only with TRIAGE_INCLUDE_TEXT.
    """

    by: str
    route: TicketRoute
    steps: Sequence[Step]
    asks_for_words: bool


async def show(request: Request) -> Response:
    """Show the empty form."""
    return await visit(request).page("try_it.html", EMPTY)


async def classify(request: Request) -> Response:
    """Classify the text of the form, and show what becomes of it."""
    here, form = visit(request), await read_form(request)
    text = form.get("text", "")
    channel = form.get("channel", "").strip()[:LONGEST_CHANNEL]
    known = {**EMPTY, "text": text, "channel": channel}
    if not text.strip():
        return await here.page("try_it.html", {**known, "problem": "Type a message first."}, 422)
    if len(text) > LONGEST:
        known |= {"text": text[:LONGEST], "problem": f"This is too long: only {LONGEST:,} characters can be tried."}
        return await here.page("try_it.html", known, 422)
    try:
        trial = await here.console.trials.run(here.person.name, text)
    except TooManyError as error:
        raise PageError(429, "Too many texts", f"Wait {max(1.0, error.seconds):.0f} seconds, then try again.") from None
    except BundleUnusableError as error:
        advice = "Set TRIAGE_BUNDLE of the console to the bundle that the worker serves, and start it again."
        return await here.page("try_it.html", {**known, "problem": f"{error} {advice}"}, 503)
    return await here.page("try_it.html", {**known, **await _values(here, trial, channel or None)})


async def _values(here: Visit, trial: Trial, channel: str | None) -> dict[str, Any]:
    model, decision = trial.model, trial.decision
    now = int(here.console.acts.now() * 1000)
    raised = await here.read(queries.raised_threshold, model.name, model.version)
    needed = trial.threshold if raised is None else max(raised, trial.threshold)
    nearest = await here.read(queries.nearest, trial.read)
    region = here.console.settings.region
    serving = await here.read(queries.serving, now)
    accepted = decision.accepted and decision.confidence >= needed
    routed, routing_problem = await asyncio.to_thread(_routed, here, trial, channel, now, accepted=accepted)
    return {
        "trial": trial,
        "accepted": accepted,
        "needed": needed,
        "raised": raised is not None and raised > trial.threshold,
        "scores": list(decision.scores.items()),
        "none_of_these": max(0.0, 1.0 - sum(decision.scores.values())),
        "segments": list(marked_words.segments(trial.read, trial.influences)),
        "words": marked_words.listed(trial.read, trial.influences),
        "nearest": [(alike, one, await mask(one.text, region)) for alike, one in nearest.found],
        "answers": nearest,
        "serving": serving,
        "is_serving": f"{model.name} {model.version}" in serving,
        "routed": routed,
        "routing_problem": routing_problem,
    }


def _routed(
    here: Visit, trial: Trial, channel: str | None, now: int, *, accepted: bool
) -> tuple[Routed | None, str | None]:
    """Return where the rules send the message, or why that cannot be said; neither if there is nothing to send."""
    settings, decision = here.console.settings, trial.decision
    if decision.reason in NO_WISH:
        return None, None
    try:
        routes = routes_of(settings)
    except ConfigError as error:
        return None, str(error)
    facts = Facts(
        intent=decision.intent,
        confidence=decision.confidence if accepted else 1.0,
        at=datetime.fromtimestamp(now / 1000, UTC),
        decided_by="model" if accepted else "human",
        channel=channel,
        language=trial.language,
        text=trial.read if settings.include_text else None,
        entities=[EntityRef(type=e.type, start=e.start, end=e.end, value=e.value) for e in trial.entities],
        wishes=[wish.intent for wish in decision.further] if accepted else [],
    )
    return Routed(facts.decided_by, routes.route(facts), _steps(routes, facts), _asks_for_words(routes)), None


def _steps(routes: Routes, facts: Facts) -> list[Step]:
    return [
        Step(rule.name, [f"{one.name} is {one.found(facts)}, not {one.wanted}" for one, holds in results if not holds])
        for rule, results in routes.evaluate(facts)
    ]


def _asks_for_words(routes: Routes) -> bool:
    return any(rule.when.words for rule in routes.rules)


PAGE = Page(
    "/try", "Try it", "reader", (Route("/try", show, methods=["GET"]), Route("/try", classify, methods=["POST"]))
)
