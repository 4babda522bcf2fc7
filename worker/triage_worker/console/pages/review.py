"""Review: one message after another, and one key for each answer."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage_worker.console.queries import review as queries
from triage_worker.console.queries.conversations import Message, conversation
from triage_worker.console.queries.review import Item
from triage_worker.console.shared.masking import mask
from triage_worker.console.shared.page import Page
from triage_worker.console.shared.review_queue import TakenError
from triage_worker.console.shared.web import PageError, Visit, link, read_form, visit
from triage_worker.streaming.review_verdicts import keys_by_label

UNDO_MS = 30 * 60_000
BEFORE = 6
"""Messages of the conversation that are shown."""


async def show(request: Request) -> Response:
    """Show how the queue stands."""
    here = visit(request)
    now = int(here.console.acts.now() * 1000)
    name = here.person.name
    values = {
        "overview": await here.read(queries.overview, name, now),
        "now": now,
        "agreement": await here.read(queries.agreement),
        "last": await here.read(queries.last_answer, name, now - UNDO_MS),
    }
    return await here.page("review.html", values)


async def begin(request: Request) -> Response:
    """Give the person a message."""
    here, form = visit(request), await read_form(request)
    return await _next(here, None, skipped=form.get("skipped") == "1")


async def show_item(request: Request) -> Response:
    """Show the message that the person has."""
    here = visit(request)
    return await _item(here, request.path_params["key"], revealed=False)


async def reveal(request: Request) -> Response:
    """Show the message with personal data; that is an act."""
    here, key = visit(request), request.path_params["key"]
    await read_form(request)
    try:
        await here.console.queue.held(here.person, key)
    except TakenError as taken:
        return await here.redirect("/review", str(taken))
    await here.act("reveal", key)
    return await _item(here, key, revealed=True)


async def answer(request: Request) -> Response:
    """Take an answer, and give the next message."""
    here, key = visit(request), request.path_params["key"]
    form = await read_form(request)
    chosen = form.get("label")
    if not chosen and form.get("none") != "1":
        raise PageError(422, "There is no answer in this form", "Go back, and choose an intent.")
    try:
        answered = await here.console.queue.answer(here.person, key, chosen or None)
    except TakenError as taken:
        return await _next(here, str(taken))
    return await _next(here, f"{answered.label}. {answered.says}".strip())


async def skip(request: Request) -> Response:
    """Give a message back, and give the next one."""
    here, key = visit(request), request.path_params["key"]
    await read_form(request)
    await here.console.queue.skip(here.person, key)
    return await _next(here, "Skipped: somebody else will get it.")


async def undo(request: Request) -> Response:
    """Take the last answer back."""
    here = visit(request)
    form = await read_form(request)
    key = form.get("key", "")
    try:
        await here.console.queue.undo(here.person, key)
    except TakenError as taken:
        return await here.redirect("/review", str(taken))
    return await here.redirect(f"/review/message{link(key)}", "Your answer is taken back: answer again.")


async def settle(request: Request) -> Response:
    """Decide what two readers disagree about."""
    here = visit(request)
    form = await read_form(request)
    here.require("lead")
    try:
        await here.console.queue.settle(here.person, form.get("key", ""), form.get("label", ""))
    except TakenError as taken:
        return await here.redirect("/review", str(taken))
    return await here.redirect("/review", "Settled.")


async def _next(here: Visit, notice: str | None, *, skipped: bool = False) -> Response:
    key = await here.console.queue.next(here.person, skipped=skipped)
    if key is None:
        return await here.redirect("/review", f"{notice or ''} Nothing waits for you at present.".strip())
    return await here.redirect(f"/review/message{link(key)}", notice)


async def _item(here: Visit, key: str, *, revealed: bool) -> Response:
    try:
        item = await here.console.queue.held(here.person, key)
    except TakenError as taken:
        return await here.redirect("/review", str(taken))
    region = here.console.settings.region
    now = int(here.console.acts.now() * 1000)
    before = [one for one in await here.read(conversation, item.fields.get("conversation_id")) if _is_before(one, item)]
    masked = await mask(item.text, region)
    similar = await here.read(queries.similar, item.text, str(item.fields.get("message_id")))
    values: dict[str, Any] = {
        "item": item,
        "text": item.text if revealed else masked,
        "revealed": revealed,
        "hides": masked != item.text,
        "keys": keys_by_label(list(item.labels)),
        "scores": {} if item.blind else item.fields.get("scores", {}),
        "before": [(one, await mask(one.text, region) if one.text else None) for one in before[-BEFORE:]],
        "similar": [(one, await mask(one.text, region)) for one in similar],
        "last": await here.read(queries.last_answer, here.person.name, now - UNDO_MS),
        "waiting": (await here.read(queries.overview, here.person.name, now)).waiting,
        "now": now,
    }
    return await here.page("review_item.html", values)


def _is_before(message: Message, item: Item) -> bool:
    """Whether a message came before this one: in its partition, where a conversation stays, the offset says so."""
    source = item.fields["source"]
    place = source["topic"], source["partition"]
    if message.place[:2] == place:
        return message.place[2] < int(source["offset"])
    return message.at <= item.arrived


PAGE = Page(
    "/review",
    "Review",
    "reviewer",
    (
        Route("/review", show, methods=["GET"]),
        Route("/review/next", begin, methods=["POST"]),
        Route("/review/undo", undo, methods=["POST"]),
        Route("/review/settle", settle, methods=["POST"]),
        Route("/review/message/{key:path}/answer", answer, methods=["POST"]),
        Route("/review/message/{key:path}/skip", skip, methods=["POST"]),
        Route("/review/message/{key:path}/reveal", reveal, methods=["POST"]),
        Route("/review/message/{key:path}", show_item, methods=["GET"]),
    ),
)
