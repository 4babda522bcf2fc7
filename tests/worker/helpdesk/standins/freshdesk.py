"""A stand-in for Freshdesk's API v2: numbers for priorities, tags as a whole list, pages by number."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from aiohttp import web
from triage_worker.helpdesk.http_client import basic_auth

from tests.worker.helpdesk.fakes import TOKEN
from tests.worker.helpdesk.standins.base import DeskTicket, StandIn, iso, number

PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}


class FreshdeskDesk(StandIn):
    """A value that is not known is answered with 400 and the field."""

    FIELDS: ClassVar[Mapping[str, int | str]] = {
        "intent": "cf_intent",
        "confidence": "cf_confidence",
        "field.order": "cf_order",
    }
    DEFAULTS: ClassVar[Mapping[str, str | None]] = {"priority": "low"}
    REFUSAL = 400

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == basic_auth(TOKEN, "X")["Authorization"]

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v2/agents/me", self._me)
        app.router.add_get("/api/v2/tickets", self._list)
        app.router.add_post("/api/v2/tickets", self._create)
        app.router.add_get(r"/api/v2/tickets/{id:\d+}", self._read)
        app.router.add_put(r"/api/v2/tickets/{id:\d+}", self._write)

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"id": 1})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"id": 1}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        ticket = self.found(request)
        return web.json_response({**self._json(ticket), "description_text": ticket.text})

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        priority = ticket.values["priority"]
        return {
            "id": ticket.id,
            "status": 5 if ticket.solved else 2,
            "priority": None if priority is None else PRIORITIES[priority],
            "group_id": number(ticket.values["group"]),
            "tags": ticket.tags,
            "custom_fields": self.custom(ticket),
            "updated_at": iso(ticket.updated),
            "stats": {"reopened_at": iso(ticket.updated) if ticket.reopens else None},
        }

    async def _write(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        self.interrupt(ticket.id)
        values: dict[str, str | None] = {
            self.named(key): value for key, value in given.get("custom_fields", {}).items()
        }
        if "priority" in given:
            values["priority"] = NAMES[given["priority"]]
        if "group_id" in given:
            values["group"] = str(given["group_id"])
        self.check(values)
        assert all(len(tag) <= 32 for tag in given.get("tags", ()))
        self.change(ticket.id, values)
        if "tags" in given:
            self.set_tags(ticket.id, given["tags"])
        return web.json_response(self._json(ticket))

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        assert (query["order_by"], query["order_type"], query["include"]) == ("updated_at", "asc", "stats")
        since = datetime.fromisoformat(query["updated_since"]).timestamp()
        per_page, page = int(query["per_page"]), int(query["page"])
        shown = [self._json(one) for one in self.since(since)]
        return web.json_response(shown[(page - 1) * per_page : page * per_page])
