"""Bundles: what serves, what waits for a decision and why, and the decision, by those who may."""

import asyncio
import logging
import shlex
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from triage_models.bundle.bundle import resolve_bundle_folder
from triage_models.bundle.store import BundleStore
from triage_models.errors import BundleError, ModelError, StoreChangedError
from triage_schemas.messages.message import Scalar

from triage_worker.config.console_values import Role
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.console.queries import bundles as queries
from triage_worker.console.shared.acts import NotPublishedError
from triage_worker.console.shared.bundle_cards import BundleCard, read_card
from triage_worker.console.shared.bundle_stores import BundleView, StoreView, find_store, read_stores
from triage_worker.console.shared.live_bundles import loaded_bundles, shadow_bundle
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.web import PageError, Visit, read_form, visit
from triage_worker.console.state.values import HOUR_MS

log = logging.getLogger(__name__)

RECENT_MS = 24 * HOUR_MS
LONGEST_REASON = 500
ROLE: Role = "lead"
OVERRIDES: Role = "admin"
"""Who may promote what the gate has not found better."""

STALE = 409


async def show(request: Request) -> Response:
    """Show what serves, the shadow, candidates and the history."""
    here = visit(request)
    try:
        stores, problem = await asyncio.to_thread(read_stores, here.console.settings), None
    except ConfigError as error:
        stores, problem = [], str(error)
    now = int(here.console.acts.now() * 1000)
    look = here.console.scraper.last
    values = {
        "stores": stores,
        "problem": problem,
        "loaded": loaded_bundles(look),
        "has_metrics": look is not None,
        "shadow": shadow_bundle(look),
        "shadow_card": await asyncio.to_thread(_shadow_card, here.console.settings),
        "decided": await here.read(queries.decided, now - RECENT_MS),
        "may_change": here.person.may(ROLE),
        "promote_command": promote_command,
        "rollback_command": rollback_command,
    }
    return await here.page("bundles.html", values)


async def ask(request: Request) -> Response:
    """Show what a change would do, and ask for the reason."""
    here = visit(request)
    here.require(ROLE)
    return await _ask(here, dict(request.query_params), None)


async def change(request: Request) -> Response:
    """Promote a bundle or roll back, and record it."""
    here, form = visit(request), await read_form(request)
    here.require(ROLE)
    store, bundle = await _meant(here, form)
    if form.get("serving", "") != store.version:
        return await _ask(here, form, None, status=STALE)
    problem = _incomplete(here, form, bundle)
    if problem is not None:
        return await _ask(here, form, problem, status=422)
    why = f"{form['reason'].strip()} ({here.person.name}, console)"
    try:
        version = await asyncio.to_thread(_apply, here.console.settings, store, bundle, why, store.version)
    except StoreChangedError:  # between the look above and the store's lock
        return await _ask(here, form, None, status=STALE)
    except ModelError as error:
        return await _ask(here, form, f"Nothing was changed. {error}", status=422)
    return await _recorded(here, form, version)


def _apply(settings: Settings, store: StoreView, bundle: BundleView | None, why: str, expected: str) -> str:
    """Change a store as the command line does, and return the version that serves then."""
    opened = BundleStore(store.root)
    if bundle is None:
        return opened.rollback(why=why, expected=expected).name
    # ONNX Runtime takes half a second to import and 80 MB: only a promotion needs it.
    from triage_models.serving.promotion import promote_verified  # noqa: PLC0415

    return promote_verified(opened, bundle.folder, why=why, device=settings.device, expected=expected).name


async def _recorded(here: Visit, form: dict[str, str], version: str) -> Response:
    """Publish the act of a change that is done, and say so; the store's history has it in any case."""
    details: dict[str, Scalar] = {"reason": form["reason"].strip(), "from": form.get("serving", ""), "to": version}
    if form.get("despite") == "1":
        details["despite"] = "the verdict"
    act = "promote" if form.get("bundle") else "rollback"
    said = f"{version} serves now. Workers that serve this store load it within seconds."
    try:
        await here.act(act, f"bundle {form['store']}", details)
    except NotPublishedError:
        log.warning("An act is only in the store's history", extra={"act": act, "who": here.person.name, **details})
        said += " Kafka did not confirm the record of this act; the history of the store has it, with your reason."
    return await here.redirect("/bundles", said)


def _incomplete(here: Visit, form: dict[str, str], bundle: BundleView | None) -> str | None:
    """Why a form cannot be acted on; None if it can."""
    reason = form.get("reason", "").strip()
    if not reason:
        return "Give a reason: it goes into the history of the store, and into the record of acts."
    if len(reason) > LONGEST_REASON:
        return f"The reason has {len(reason)} characters: {LONGEST_REASON} are enough."
    if bundle is not None and bundle.objections and form.get("despite") != "1":
        return "The verdict is against it, so nothing was changed."
    if bundle is not None and bundle.objections:
        here.require(OVERRIDES)
    return None


async def _meant(here: Visit, form: dict[str, str]) -> tuple[StoreView, BundleView | None]:
    """Return the store and the bundle that a form or an address names; no bundle means a rollback.

    Raises:
        PageError: there is no such store or bundle any more.
    """
    store = await asyncio.to_thread(find_store, here.console.settings, form.get("store", ""))
    folder = form.get("bundle", "")
    bundle = store.other(folder) if store and folder else None
    if store is None or (folder and (bundle is None or bundle.card is None)):
        if store is not None and form.get("serving", store.version) != store.version:
            raise PageError(409, "Somebody was faster", _who_was_faster(store))
        advice = "It is not there any more, or it serves already: look at the page Bundles again."
        raise PageError(404, "There is no such bundle", advice)
    return store, bundle


async def _ask(here: Visit, form: dict[str, str], problem: str | None, status: int = 200) -> Response:
    store, bundle = await _meant(here, form)
    if status == STALE:
        problem = _who_was_faster(store)
    values: dict[str, Any] = {
        "store": store,
        "bundle": bundle,
        "target": await asyncio.to_thread(_target_card, store) if bundle is None else None,
        "problem": problem,
        "reason": form.get("reason", ""),
        "may_override": here.person.may(OVERRIDES),
        "longest": LONGEST_REASON,
        "command": rollback_command(store) if bundle is None else promote_command(store, bundle),
    }
    return await here.page("bundle_change.html", values, status)


def _who_was_faster(store: StoreView) -> str:
    """Say what somebody else has done to a store since a page was loaded."""
    said = "Somebody else has changed this store meanwhile, so nothing was changed now."
    if not store.history:
        return said
    last = store.history[0]
    return f"{said} {last.to} serves since {last.when:%H:%M} (UTC). Their reason: {last.why}"


def _target_card(store: StoreView) -> BundleCard | None:
    """Return the card of what a rollback would serve; None if it cannot be read."""
    try:
        return None if store.previous is None else read_card(store.root / "versions" / store.previous)
    except BundleError:
        return None


def _shadow_card(settings: Settings) -> BundleCard | None:
    """Return the card of the shadow bundle, if this console has the setting and can read the folder."""
    if settings.shadow_bundle is None:
        return None
    try:
        return read_card(resolve_bundle_folder(settings.shadow_bundle))
    except BundleError:
        return None


def promote_command(store: StoreView, bundle: BundleView) -> str:
    """Return the command that does the same at a terminal."""
    return _command("promote", bundle.folder, "--store", store.root)


def rollback_command(store: StoreView) -> str:
    """Return the command that does the same at a terminal."""
    return _command("rollback", store.root)


def _command(*words: str | Path) -> str:
    return f'triage bundle {shlex.join(map(str, words))} --why "…"'


PAGE = Page(
    "/bundles",
    "Bundles",
    "reader",
    (
        Route("/bundles", show, methods=["GET"]),
        Route("/bundles/change", ask, methods=["GET"]),
        Route("/bundles/change", change, methods=["POST"]),
    ),
)
