"""Routes: the rules of the router, what others would change, and the change itself, by those who may."""

import asyncio
import difflib
import hashlib
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from triage_schemas.messages.message import Scalar

from triage_worker.config.console_values import Role
from triage_worker.config.errors import ConfigError
from triage_worker.console.queries import routes as queries
from triage_worker.console.queries.routes import SampledIntent
from triage_worker.console.shared import rules
from triage_worker.console.shared.acts import NotPublishedError
from triage_worker.console.shared.masking import mask
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.rules import RulesInForce, rules_in_force
from triage_worker.console.shared.web import PageError, Visit, read_form, visit
from triage_worker.console.state.retention import DAY_MS
from triage_worker.console.state.samples import EACH_HOUR
from triage_worker.routing import saving
from triage_worker.routing.dry_run import DryRun, changed_rules
from triage_worker.routing.routes import Routes, Then
from triage_worker.routing.routes_file import SHOWN_DIGITS, RulesError, parse, unified

log = logging.getLogger(__name__)

ROLE: Role = "lead"
WEEK_DAYS = 7
LOOKED_AT = 2_000
"""Intents by which the rules are counted on the first page, which should be there at once."""

STALE = 409
MOST_TRIED = EACH_HOUR * 24 * WEEK_DAYS
LARGEST_FORM = 524_288
LONGEST_REASON = 500
LONGEST_DETAIL = 500
SHOWN_MOVES = 40
SHOWN_DIFFERENCES = 400


async def show(request: Request) -> Response:
    """Show the rules in their order."""
    here = visit(request)
    force = await asyncio.to_thread(rules_in_force, here.console.settings)
    run = None
    if force.routes is not None:
        intents = await _intents(here, LOOKED_AT)
        run = await asyncio.to_thread(rules.tried, force.routes, force.routes, intents)
    values = {
        "force": force,
        "conditions": rules.conditions,
        "nothing": Then(),
        "run": run,
        "days": _days(here),
        "routers": rules.routers_rules(here.console.scraper.last, force.digest),
        "may_change": here.person.may(ROLE),
        "digits": SHOWN_DIGITS,
    }
    return await here.page("routes.html", values)


async def edit(request: Request) -> Response:
    """Show the text of the rules, to change it."""
    here = visit(request)
    here.require(ROLE)
    force = await asyncio.to_thread(rules_in_force, here.console.settings)
    return await _edited(here, force, {"text": force.found.text if force.found else "", "opened": force.digest})


async def check(request: Request) -> Response:
    """Check a text, and show what would go elsewhere."""
    here, form = visit(request), await read_form(request, LARGEST_FORM)
    here.require(ROLE)
    _require_text(form)
    force = await asyncio.to_thread(rules_in_force, here.console.settings)
    return await _checked(here, force, form, None)


async def save(request: Request) -> Response:
    """Save a text that was tried, and record that."""
    here, form = visit(request), await read_form(request, LARGEST_FORM)
    here.require(ROLE)
    _require_text(form)
    force = await asyncio.to_thread(rules_in_force, here.console.settings)
    if not force.can_save:
        raise PageError(403, "The rules cannot be saved here", "Download them, and put them where the router reads.")
    if form.get("opened") != force.digest:
        return await _checked(here, force, form, _changed_meanwhile(force), STALE)
    problem = _incomplete(form)
    if problem is not None:
        return await _checked(here, force, form, problem, 422)
    try:
        await asyncio.to_thread(saving.save, force.path, form["text"], opened=form["opened"])
    except saving.ChangedMeanwhileError:
        # Between the look above and the save, which holds the lock.
        force = await asyncio.to_thread(rules_in_force, here.console.settings)
        return await _checked(here, force, form, _changed_meanwhile(force), STALE)
    except ConfigError as error:
        return await _checked(here, force, form, f"Nothing was saved. {error}", 422)
    return await _recorded(here, force, form)


async def download(request: Request) -> Response:
    """Give a text as a file, for where this console cannot save it."""
    here, form = visit(request), await read_form(request, LARGEST_FORM)
    here.require(ROLE)
    headers = {"Content-Disposition": f'attachment; filename="{rules.FILE}"'}
    _require_text(form)
    return Response(unified(form["text"]), headers=headers, media_type="text/yaml; charset=utf-8")


async def _recorded(here: Visit, before: RulesInForce, form: dict[str, str]) -> Response:
    """Publish the act of a file that is saved, and say so."""
    after = parse(unified(form["text"]), rules.FILE)
    changes = changed_rules(before.routes, after) if before.routes else ["replaced rules that were not valid"]
    details: dict[str, Scalar] = {
        "reason": form["reason"].strip(),
        "changes": ", ".join(changes or ["only comments or the form"])[:LONGEST_DETAIL],
        "from": before.digest[:SHOWN_DIGITS],
        "to": _digest(form["text"])[:SHOWN_DIGITS],
    }
    said = "Saved. A router that has this file reads it within seconds."
    if "changed helpdesk" in changes:
        said += " The helpdesk connector reads its section only when it starts: restart it."
    try:
        await here.act("change_rules", f"rules {before.path}", details)
    except NotPublishedError:
        log.warning("An act is only in this log", extra={"act": "change_rules", "who": here.person.name, **details})
        said += " Kafka did not confirm the record of this act; the log of the console has it."
    return await here.redirect("/routes", said)


def _require_text(form: dict[str, str]) -> None:
    """Check that a form has a text, which may be empty.

    Raises:
        PageError: it has none.
    """
    if "text" not in form:
        raise PageError(422, "There are no rules in this form", "Go back, load the page again, and send it once more.")


def _incomplete(form: dict[str, str]) -> str | None:
    """Why a text is not saved; None if it can be."""
    reason = form.get("reason", "").strip()
    if form.get("tried") != _digest(form["text"]):
        return "Nothing was saved: the text has changed since it was checked. Below is what it would change now."
    if not reason or len(reason) > LONGEST_REASON:
        return f"Nothing was saved: give a reason of at most {LONGEST_REASON} characters, for the record of acts."
    return None


def _changed_meanwhile(force: RulesInForce) -> str:
    return (
        f"Nothing was saved: somebody else has changed {force.path} since you opened it. Your text is below, compared "
        "with the rules as they are now: take over what you want to keep of theirs, and check again."
    )


async def _checked(
    here: Visit, force: RulesInForce, form: dict[str, str], problem: str | None, status: int = 200
) -> Response:
    """Show a text with its mistake, or with what it would change."""
    text = unified(form["text"])
    values: dict[str, Any] = {
        "text": text,
        "opened": force.digest,
        "reason": form.get("reason", ""),
        "problem": problem,
    }
    if status == 200 and form.get("opened", force.digest) != force.digest:
        values["problem"] = _changed_meanwhile(force)
    try:
        after = await asyncio.to_thread(parse, text, rules.FILE)
    except RulesError as error:
        return await _edited(here, force, values | {"mistake": error}, 422)
    tried = "" if status == STALE else _digest(text)  # what it changes has to be seen before it replaces other rules
    values |= {"after": after, "tried": tried, "lines": await asyncio.to_thread(_differences, force, text)}
    if force.routes is not None:
        values["changes"] = changed_rules(force.routes, after)
        values |= await _consequences(here, force.routes, after)
    return await _edited(here, force, values, status)


async def _consequences(here: Visit, before: Routes, after: Routes) -> dict[str, Any]:
    """Try both rules on the last week, and fetch examples of what would go elsewhere."""
    intents = await _intents(here, MOST_TRIED)
    run: DryRun = await asyncio.to_thread(rules.tried, before, after, intents)
    moves = []
    for move in run.moves[:SHOWN_MOVES]:
        chosen = [intents[position] for position in move.examples]
        found = await here.read(queries.texts, chosen)
        region = here.console.settings.region
        shown = [None if text is None else await mask(text, region) for text in found]
        moves.append((move, list(zip(chosen, shown, strict=True))))
    silent = [rule.name for rule in after.rules if not run.fired_after.get(rule.name)]
    return {"run": run, "moves": moves, "silent": silent, "sampled": len(intents)}


async def _edited(here: Visit, force: RulesInForce, values: dict[str, Any], status: int = 200) -> Response:
    known: dict[str, Any] = {
        "force": force,
        "problem": None,
        "mistake": None,
        "reason": "",
        "tried": "",
        "after": None,
        "run": None,
        "changes": None,
        "lines": (),
        "days": _days(here),
        "longest": LONGEST_REASON,
        "most": SHOWN_MOVES,
    }
    return await here.page("routes_edit.html", known | values, status)


async def _intents(here: Visit, most: int) -> list[SampledIntent]:
    since = int(here.console.acts.now() * 1000) - _days(here) * DAY_MS
    return await here.read(queries.sampled, since, most)


def _days(here: Visit) -> int:
    return min(WEEK_DAYS, here.console.settings.console_days)


def _digest(text: str) -> str:
    return hashlib.sha256(unified(text).encode()).hexdigest()


def _differences(force: RulesInForce, text: str) -> list[str]:
    """Return the lines that differ, with those around them, as `diff -u` does."""
    before = force.found.text if force.found else ""
    lines = list(difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm="", n=2))[2:]
    return lines[:SHOWN_DIFFERENCES]


PAGE = Page(
    "/routes",
    "Routes",
    "reader",
    (
        Route("/routes", show, methods=["GET"]),
        Route("/routes/edit", edit, methods=["GET"]),
        Route("/routes/check", check, methods=["POST"]),
        Route("/routes/save", save, methods=["POST"]),
        Route("/routes/download", download, methods=["POST"]),
    ),
)
